"""One guarded broker for all tests of this folder: they use devices of their own."""

from collections.abc import Iterator

import pytest

from tests.access.guarded import Guarded, ended_again
from tests.servers import copied_database


@pytest.fixture(scope="session")
def guarded(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    """Return a broker that strangers reach, and its doorkeeper."""
    with copied_database(postgres_url, migrated_template) as database:
        guarded = Guarded(tmp_path_factory.mktemp("guarded"), database)
        try:
            guarded.start()
            yield guarded
            assert ended_again(guarded.log.splitlines()) == [], "the broker may crash of it"
        finally:
            guarded.stop()
