"""A running API: one for all tests that only need it empty, as signing in costs more than they do."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from gridwatch.store import Store
from tests.api.serving import Api, serving, settings_for, signed_in
from tests.servers import run_sql, with_database

EMPTY = """
    TRUNCATE device, area, quarantine, quantity, reading, notification, evidence_view, evidence_deletion,
             evidence_hold, procrastinate_jobs
    RESTART IDENTITY CASCADE"""


@pytest.fixture(scope="session")
def running_api(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """Return a running server with somebody signed in."""
    name = f"test_of_the_api_{uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{migrated_template}" STRATEGY FILE_COPY')
    settings = settings_for(with_database(postgres_url, name), tmp_path_factory.mktemp("api"))
    try:
        with serving(settings) as url, signed_in(url) as client:
            yield Api(url=url, client=client, settings=settings)
    finally:
        run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def api(running_api: Api) -> Api:
    """Return a running server without devices, areas and alerts."""

    async def empty(store: Store) -> None:
        await store.execute(EMPTY)

    running_api.stored(empty)
    return running_api
