"""One guarded broker for all tests of this folder: they use devices of their own."""

from collections.abc import Iterator

import pytest

from tests.access.guarded import Guarded, ended_again
from tests.servers import run_sql, with_database

NAME = "test_of_the_door"


@pytest.fixture(scope="session")
def guarded(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    """Return a broker that strangers reach, and its doorkeeper."""
    run_sql(postgres_url, f'CREATE DATABASE "{NAME}" TEMPLATE "{migrated_template}" STRATEGY FILE_COPY')
    guarded = Guarded(tmp_path_factory.mktemp("guarded"), with_database(postgres_url, NAME))
    try:
        guarded.start()
        yield guarded
        assert ended_again(guarded.log.splitlines()) == [], "the broker may crash of it"
    finally:
        guarded.stop()
        run_sql(postgres_url, f'DROP DATABASE "{NAME}" WITH (FORCE)')
