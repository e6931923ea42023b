"""Evidence is kept for its time and within its quota; what is killed in between is mended by the sweep."""

import logging
import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.evidence import EvidenceFiles
from gridwatch.keeping import keep_evidence, look_over, sweep_evidence
from gridwatch.model import Device, DeviceKind, Evidence, Role
from gridwatch.settings import KEEP_DAYS
from gridwatch.store import Store
from gridwatch.store.actions import act
from gridwatch.store.devices import add_devices, delete_devices
from gridwatch.store.keeping import (
    GB,
    drop_by_age,
    evidence_usage,
    find_deletion,
    hold,
    list_evidence,
    release,
)
from tests.api.incidents import happen

pytestmark = pytest.mark.anyio

SIZE = 1000

QUIET, LOUD = "bicycle", "falling_object"
"""A label that raises no alert, and one that does."""


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with two cameras and a simulated one."""
    async with Store.open(database_url) as opened:
        names = {"c1": False, "c2": False, "sim": True}
        await add_devices(
            opened,
            [
                Device(id=name, scene="throwing", kind=DeviceKind.CAMERA, simulated=simulated)
                for name, simulated in names.items()
            ],
        )
        yield opened


@pytest.fixture
def files(tmp_path: Path) -> EvidenceFiles:
    """Return a folder for evidence."""
    return EvidenceFiles(tmp_path / "evidence")


class Scene:
    """Cameras that show things, and time that passes."""

    def __init__(self, store: Store, files: EvidenceFiles) -> None:
        self.store, self.files = store, files

    async def show(
        self, name: str, *, device: str = "c1", label: str = QUIET, days_ago: float = 0, masked: bool = True
    ) -> UUID:
        """Store an event with one file of 1,000 bytes that begins with `name`."""
        picture = Evidence(media_type="image/jpeg", content=name.ljust(SIZE).encode(), masked=masked)
        seen = await happen(self.store, device, label=label, files=self.files, evidence=[picture])
        event: UUID = seen["event"]
        await self.store.execute(
            "UPDATE evidence SET created_at = now() - %(age)s::interval WHERE event_id = %(event)s",
            {"event": event, "age": timedelta(days=days_ago)},
        )
        self.let_settle()
        return event

    async def resolve(self, *, days_ago: float) -> None:
        """Resolve every alert."""
        for row in await self.store.rows("SELECT id FROM alert WHERE state <> 'resolved'"):
            await act(self.store, row["id"], "resolve", actor="somebody", role=Role.ADMINISTRATOR)
        await self.store.execute(
            "UPDATE alert SET resolved_at = now() - %(age)s::interval", {"age": timedelta(days=days_ago)}
        )

    def let_settle(self) -> None:
        """Let two hours pass over every file."""
        for path in self.files.folder.rglob("*"):
            if path.is_file():
                os.utime(path, (time.time() - 7200,) * 2)

    async def turn(self, *, quota_files: float = 1000) -> None:
        """Do the chore once, with a quota of so many files."""
        await keep_evidence(self.store, self.files, keep_days=KEEP_DAYS, quota_gb=quota_files * SIZE / GB)

    def there(self) -> set[str]:
        """Return the names of what lies in the folder."""
        return {path.read_bytes().decode().strip() for path in self.files.folder.rglob("*.jpg")}

    async def shown(self) -> set[str]:
        """Return the names of what events show."""
        paths = [
            self.files.path_of(row["sha256"], row["media_type"])
            for row in await self.store.rows("SELECT DISTINCT sha256, media_type FROM evidence")
        ]
        return {path.read_bytes().decode().strip() for path in paths}


@pytest.fixture
def scene(store: Store, files: EvidenceFiles) -> Scene:
    """Return an empty scene."""
    return Scene(store, files)


async def test_each_class_is_kept_for_its_own_time(scene: Scene) -> None:
    for days, age in ((0.5, "young"), (2, "two"), (31, "month"), (61, "season"), (91, "old")):
        await scene.show(f"simulated {age}", device="sim", days_ago=days)
        await scene.show(f"original {age}", masked=False, days_ago=days)
        await scene.show(f"event {age}", days_ago=days)
        await scene.show(f"alert {age}", device="c2", label=LOUD, days_ago=days)
    await scene.resolve(days_ago=365)
    await scene.turn()
    kept = {
        "simulated young",
        *(f"original {age}" for age in ("young", "two")),
        *(f"event {age}" for age in ("young", "two", "month")),
        *(f"alert {age}" for age in ("young", "two", "month", "season")),
    }
    assert scene.there() == await scene.shown() == kept
    log = await scene.store.rows("SELECT class, why, bytes FROM evidence_deletion ORDER BY class")
    assert [row["class"] for row in log] == ["alert"] + ["event"] * 2 + ["original"] * 3 + ["simulated"] * 4
    assert {(row["why"], row["bytes"]) for row in log} == {("age", SIZE)}


async def test_evidence_of_an_unresolved_alert_has_no_age_and_its_time_begins_when_it_is_resolved(
    scene: Scene,
) -> None:
    await scene.show("masked", label=LOUD, days_ago=1000)
    await scene.show("original", label=LOUD, days_ago=1000, masked=False)
    await scene.turn()
    assert scene.there() == {"masked", "original"}
    await scene.resolve(days_ago=29)
    await scene.turn()
    assert scene.there() == {"masked", "original"}
    await scene.resolve(days_ago=31)
    await scene.turn()
    assert scene.there() == {"masked"}


async def test_the_quota_warns_first_then_takes_the_oldest_of_the_least_protected(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.show("simulated", device="sim")
    for age in (3, 2):
        await scene.show(f"original {age}", masked=False, days_ago=age)
        await scene.show(f"event {age}", days_ago=age)
    await scene.show("resolved", device="c2", label=LOUD, days_ago=5)
    await scene.resolve(days_ago=5)
    await scene.show("unresolved", label=LOUD, days_ago=4)
    everything = scene.there()
    with caplog.at_level(logging.WARNING):
        await scene.turn(quota_files=6)
    assert "GRIDWATCH_EVIDENCE_QUOTA_GB" in caplog.text
    assert scene.there() == everything, "the turn that warns deletes nothing"
    usage = await evidence_usage(scene.store)
    assert usage is not None
    assert (usage.count, usage.bytes, usage.quota_bytes) == (7, 7 * SIZE, 6 * SIZE)
    assert usage.warned_at is not None
    gone = []
    for quota in (6, 5, 4, 3, 2, 1, 0.5):
        before = scene.there()
        await scene.turn(quota_files=quota)
        gone += sorted(before - scene.there())
    assert gone == ["simulated", "original 3", "original 2", "event 3", "event 2", "resolved", "unresolved"]
    assert "alerts that nobody resolved" in caplog.text
    assert {row["why"] for row in await scene.store.rows("SELECT why FROM evidence_deletion")} == {"quota"}


async def test_the_quota_is_met_in_one_turn_however_many_files_must_go(scene: Scene) -> None:
    for number in range(30):
        await scene.show(f"{number}", days_ago=30 - number)
    for _ in range(2):
        await scene.turn(quota_files=10)
    assert scene.there() == {f"{number}" for number in range(20, 30)}


async def test_nothing_deletes_what_is_held_until_it_is_released(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    event = await scene.show("by event", days_ago=400)
    await scene.show("by alert", device="c2", label=LOUD, days_ago=400)
    await scene.resolve(days_ago=400)
    (alert,) = await scene.store.rows("SELECT id FROM alert")
    assert await hold(scene.store, event, reason="the police ask", by="admin") == 1
    assert await hold(scene.store, alert["id"], reason="a court asks", by="admin") == 1
    with pytest.raises(NotAllowed, match="held already"):
        await hold(scene.store, event, reason="again", by="admin")
    for _ in range(2):
        await scene.turn(quota_files=1)
    assert scene.there() == {"by event", "by alert"}
    assert "all that is left is held" in caplog.text
    assert len(await list_evidence(scene.store, held=True)) == 2
    with pytest.raises(NotAllowed, match="evidence is held of c1"):
        await delete_devices(scene.store, ["c1"])
    await release(scene.store, event, by="somebody else")
    await scene.turn(quota_files=1)
    assert scene.there() == {"by alert"}
    rows = await scene.store.rows("SELECT held_by, released_by, reason FROM evidence_hold ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        ("admin", "somebody else", "the police ask"),
        ("admin", None, "a court asks"),
    ]
    with pytest.raises(NotFound):
        await release(scene.store, event, by="admin")
    with pytest.raises(NotFound):
        await hold(scene.store, 4711, reason="?", by="admin")


async def test_a_file_that_several_events_show_goes_with_the_last_of_them(scene: Scene) -> None:
    await scene.show("same", days_ago=100)
    young = await scene.show("same", device="c2", days_ago=10)
    await scene.turn()
    assert scene.there() == {"same"}
    await scene.store.execute(
        "UPDATE evidence SET created_at = now() - interval '100 days' WHERE event_id = %(id)s", {"id": young}
    )
    await scene.turn()
    assert scene.there() == set()


async def test_what_was_killed_between_row_and_file_is_mended_by_the_sweep(scene: Scene) -> None:
    await scene.show("gone", days_ago=400)
    await scene.show("stays")
    assert len(await drop_by_age(scene.store, KEEP_DAYS, limit=10)) == 1
    assert scene.there() == {"gone", "stays"}, "as a kill -9 leaves it"
    await sweep_evidence(scene.store, scene.files)
    assert scene.there() == {"stays"}


async def test_a_file_that_was_stored_again_just_now_is_left_until_it_has_settled(scene: Scene) -> None:
    await scene.show("again", days_ago=400)
    scene.files.put("again".ljust(SIZE).encode(), "image/jpeg")
    await scene.turn()
    await sweep_evidence(scene.store, scene.files)
    assert scene.there() == {"again"}, "its event may be about to be committed"
    scene.let_settle()
    await sweep_evidence(scene.store, scene.files)
    assert scene.there() == set()


async def test_a_removal_that_was_killed_half_way_is_put_back_and_done_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.show("half", days_ago=400)
    (path,) = scene.files.folder.rglob("*.jpg")

    def killed(self: Path, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            scene.files.remove_older(path.stem, "image/jpeg", than=time.time())
    assert not path.exists()
    assert scene.files.clean(path.stem[:2], than=time.time() + 1) == 0
    assert path.exists()


async def test_orphans_and_missing_files_are_reported_and_half_written_ones_removed(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.show("shown")
    await scene.show("lost", device="c2")
    lost = next(p for p in scene.files.folder.rglob("*.jpg") if p.read_bytes().startswith(b"lost"))
    lost.unlink()
    orphan = scene.files.put(b"orphan", "image/png")
    half = scene.files.path_of(orphan.sha256, "image/png").with_name(".new-x")
    half.write_bytes(b"half")
    scene.let_settle()
    fresh = scene.files.put(b"fresh", "image/jpeg")
    await sweep_evidence(scene.store, scene.files)
    parts = [part async for part in look_over(scene.store, scene.files)]
    assert [one.sha256 for part in parts for one in part.orphans] == [orphan.sha256]
    assert [one.sha256 for part in parts for one in part.missing] == [lost.stem]
    assert not half.exists()
    assert scene.files.path_of(orphan.sha256, "image/png").exists(), "people decide"
    assert scene.files.path_of(fresh.sha256, "image/jpeg").exists()
    assert "1 files of evidence" in caplog.text
    assert "1 files that events show are missing" in caplog.text


async def test_the_log_says_when_and_why_evidence_went(scene: Scene) -> None:
    event = await scene.show("masked", days_ago=400)
    assert await find_deletion(scene.store, event, position=None, masked=True) is None
    await scene.turn()
    deletion = await find_deletion(scene.store, event, position=0, masked=True)
    assert deletion is not None
    assert deletion[1] == "age"
    assert await find_deletion(scene.store, event, position=0, masked=False) is None


async def test_files_of_a_deleted_device_are_mended_too(scene: Scene) -> None:
    await scene.show("of a device that goes")
    await delete_devices(scene.store, ["c1"])
    assert scene.there() == {"of a device that goes"}, "a kill before the files were removed"
    await sweep_evidence(scene.store, scene.files)
    assert scene.there() == set()
