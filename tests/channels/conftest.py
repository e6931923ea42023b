"""The services that people are reached by."""

from collections.abc import Iterator

import pytest

from tests.channels.services import Cloud, cloud_running


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Return all the services, running."""
    with cloud_running() as running:
        yield running
