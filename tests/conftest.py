"""What every test may ask for."""

from pathlib import Path

import pytest

from tests.servers import database_url, migrated_template, mosquitto, postgres_url, shelter_is_emptied

__all__ = [
    "database_url",
    "migrated_template",
    "mosquitto",
    "postgres_url",
    "shared_data",
    "shelter_is_emptied",
]

TESTS = Path(__file__).resolve().parent
SHARED_DATA = TESTS.parents[1] / "shared" / "data"


LONG_FIRST = ("up", "line", "console", "bench", "backup", "ingest", "access")
"""Folders whose files take longest: begun last, one of them would keep a single worker busy at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    folder = item.path.relative_to(TESTS).parts[0]
    return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real pictures and clips that lies beside the checkout, or skip."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real pictures and clips in ../shared/data, which are not here")
    return SHARED_DATA


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests (`pytest.mark.anyio`) on asyncio, as the processes do."""
    return "asyncio"
