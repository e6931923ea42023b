"""What is kept for how long is changed without a restart; who changed what stands in the trail."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gridwatch.errors import NotFound
from gridwatch.evidence import EvidenceFiles
from gridwatch.fields import WrongFields
from gridwatch.kept import NAMES, checked, kept_by_settings
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.kept import drop_kept, kept_now, put_kept
from gridwatch.store.trail import list_trail
from ingest.keeping import keeping_chores

OLD = """INSERT INTO quarantine (topic, payload, reason, decoder, received_at, digest)
VALUES ('gw/v1/x/readings', 'x', 'no JSON', '', now() - interval '50 days', 'x')"""


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return an empty store."""
    async with Store.open(database_url) as opened:
        yield opened


@pytest.mark.anyio
async def test_a_change_counts_with_the_next_turn_of_a_running_chore(store: Store, tmp_path: Path) -> None:
    settings = read_settings(data_dir=tmp_path)
    chores = {one.name: one for one in keeping_chores(settings, EvidenceFiles(tmp_path / "evidence"))}
    await store.execute(OLD)
    await chores["quarantine"].work(store)
    assert len(await store.rows("SELECT FROM quarantine")) == 1, "90 days by the settings"
    await put_kept(store, "quarantine_days", 40, by="admin")
    assert (await kept_now(store, settings))["quarantine_days"] == 40
    for _ in range(2):  # The first turn only warns.
        await chores["quarantine"].work(store)
    assert await store.rows("SELECT FROM quarantine") == []
    await drop_kept(store, "quarantine_days", by="li")
    assert await kept_now(store, settings) == kept_by_settings(settings)
    with pytest.raises(NotFound):
        await drop_kept(store, "quarantine_days", by="li")
    trail = await list_trail(store)
    assert [(row["by"], row["subject"], row["detail"]) for row in trail] == [
        ("li", "quarantine_days", {"before": 40, "after": None}),
        ("admin", "quarantine_days", {"before": None, "after": 40}),
    ]
    assert datetime.now(UTC) - trail[0]["at"] < timedelta(minutes=5)
    assert await list_trail(store, before=trail[1]["id"]) == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_kept_for_no_time_at_all_or_without_end(name: str) -> None:
    for value in (0, 0.01, -1, 10**9, float("nan"), None):
        with pytest.raises(WrongFields, match="value: "):
            checked(name, value)
    assert checked(name, 30) == 30
    with pytest.raises(NotFound):
        checked("keep_everything", 30)
