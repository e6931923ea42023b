"""Migrations: applied once, in order, and never by half."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from yoyo.backends.base import DatabaseBackend

from gridwatch.store.migrate import migrate
from tests.servers import run_sql, with_database


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    name = f"empty_{uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}"')
    try:
        yield with_database(postgres_url, name)
    finally:
        run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def test_a_migration_that_was_killed_before_its_mark_leaves_nothing_and_is_applied_next_time(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseBackend, "mark_one", killed)
        with pytest.raises(KeyboardInterrupt):
            migrate(empty_database_url)
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM gw.alerts").fetchone() == (0,)


def test_migrating_again_changes_nothing(empty_database_url: str) -> None:
    migrate(empty_database_url)
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        applied = connection.execute(
            "SELECT count(*), count(DISTINCT migration_id) FROM gridwatch._yoyo_migration"
        )
        total, different = applied.fetchone() or (0, 1)
    assert total == different > 0
