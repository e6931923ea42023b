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

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


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
