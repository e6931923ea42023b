"""A running API: one for all tests that only need it empty, as signing in costs more than they do."""

from collections.abc import Iterator

import pytest

from tests.api.serving import Api, empty, serving, settings_for, signed_in
from tests.servers import copied_database


@pytest.fixture(scope="session")
def running_api(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """Return a running server with somebody signed in."""
    with copied_database(postgres_url, migrated_template) as database:
        settings = settings_for(database, tmp_path_factory.mktemp("api"))
        with serving(settings) as url, signed_in(url) as client:
            yield Api(url=url, client=client, settings=settings)


@pytest.fixture
def api(running_api: Api) -> Api:
    """Return a running server without devices, areas and alerts."""
    running_api.stored(empty)
    return running_api
