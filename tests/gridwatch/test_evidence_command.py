"""`gridwatch evidence`, as a person types it."""

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from uuid import UUID

import pytest

from gridwatch.evidence import EvidenceFiles
from gridwatch.interlock import Ended
from gridwatch.model import Device, DeviceKind, Evidence
from gridwatch.store import Row, Store
from gridwatch.store.lifts import begin_hold, end_hold, get_lift, judge
from tests.api.incidents import happen, register, sensor
from tests.terminal import typed

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    """Return what runs a command of gridwatch on the test's database and folder."""
    given = {"GRIDWATCH_DATABASE_URL": database_url, "GRIDWATCH_DATA_DIR": str(tmp_path), "COLUMNS": "250"}

    return partial(typed, "evidence", **given)


@pytest.fixture
def event(database_url: str, tmp_path: Path) -> UUID:
    """Return an event of alert 1 with one picture, beside a file that no event shows."""
    files = EvidenceFiles(tmp_path / "evidence")
    orphan = files.put(b"orphan", "image/jpeg")
    two_hours_ago = time.time() - 7200
    os.utime(files.path_of(orphan.sha256, "image/jpeg"), (two_hours_ago, two_hours_ago))

    async def scene() -> UUID:
        async with Store.open(database_url) as store:
            await register(store, sensor("s-1"))
            picture = Evidence(media_type="image/jpeg", content=b"picture", masked=True)
            seen = await happen(store, "s-1", files=files, evidence=[picture])
            shown: UUID = seen["event"]
            return shown

    return asyncio.run(scene())


def test_evidence_is_listed_held_and_released(run: Run, event: UUID) -> None:
    listed = run("list").stdout
    assert str(event) in listed
    assert "its alert is resolved" in listed
    assert run("hold", "1", "--reason", "case 17").stdout == "held: 1 files\n"
    assert str(event) in run("list", "1", "--held").stdout
    assert "100%" not in run("usage").stdout
    again = run("hold", "1", "--reason", "case 18")
    assert (again.returncode, again.stderr) == (1, "gridwatch: alert 1 is held already\n")
    assert run("release", "1", "--by", "the registry").stdout == "released 1\n"
    assert str(event) not in run("list", str(event), "--held").stdout
    wrong = run("hold", "the fire", "--reason", "?")
    assert (wrong.returncode, "id of an event or the number of an alert" in wrong.stderr) == (2, True)


def test_orphans_are_listed_and_removed_on_request_only(run: Run, event: UUID, tmp_path: Path) -> None:
    assert event
    (shown,) = (p for p in tmp_path.rglob("*.jpg") if p.read_bytes() == b"picture")
    (orphan,) = (p for p in tmp_path.rglob("*.jpg") if p.read_bytes() == b"orphan")
    assert run("orphans").stdout == f"orphan {orphan} 6 bytes\norphans: 1, missing: 0\n"
    assert run("orphans", "--remove").stdout.endswith("removed: 1, missing: 0\n")
    assert not orphan.exists()
    shown.unlink()
    assert run("orphans").stdout == f"missing {shown} 7 bytes\norphans: 0, missing: 1\n"


@pytest.fixture
def judged(database_url: str, tmp_path: Path) -> None:
    """Judge three holds of a lift: right, false, not at all; each has an original and a masked picture."""
    files = EvidenceFiles(tmp_path / "evidence")

    async def scene() -> None:
        async with Store.open(database_url) as store:
            await register(store, Device(id="lift-1", scene="elevator", kind=DeviceKind.GATEWAY))
            await register(store, Device(id="eye-1", scene="elevator", kind=DeviceKind.CAMERA, lift="lift-1"))
            lift = await get_lift(store, "lift-1")
            for name, is_false in (("a bike", False), ("a pram", True), ("nobody asked", None)):
                shown = [
                    Evidence(media_type="image/jpeg", content=name.encode(), masked=False),
                    Evidence(media_type="image/jpeg", content=f"{name}, masked".encode(), masked=True),
                ]
                hold = await begin_hold(store, lift, "eye-1")
                await happen(store, "eye-1", label="ebike", files=files, evidence=shown)
                if is_false is not None:
                    await judge(store, lift, hold, is_false=is_false, actor="somebody", note="")
                await store.execute("UPDATE lift_hold SET told_at = clock_timestamp() WHERE ended_at IS NULL")
                await end_hold(store, hold, Ended.GONE)
                # Each hold has its own minute, as visits have.
                await store.execute("UPDATE event SET received_at = received_at - interval '1 minute'")
                await store.execute(
                    "UPDATE lift_hold SET began_at = began_at - interval '1 minute',"
                    " ended_at = ended_at - interval '1 minute'"
                )

    asyncio.run(scene())


@pytest.mark.usefixtures("judged")
def test_what_people_judged_is_exported_by_class_and_each_look_is_logged(
    run: Run, tmp_path: Path, database_url: str
) -> None:
    out = tmp_path / "out"
    assert run("export", str(out), "--by", "trainer").stdout == "ebike: 1 pictures, not_ebike: 1 pictures\n"
    written = {path.parent.name: path for path in out.rglob("*.jpg")}
    assert {name: path.read_bytes() for name, path in written.items()} == {
        "ebike": b"a bike",
        "not_ebike": b"a pram",
    }
    assert {oct(path.stat().st_mode & 0o777) for path in written.values()} == {"0o600"}
    assert oct(out.stat().st_mode & 0o777) == "0o700"

    async def looks() -> list[Row]:
        async with Store.open(database_url) as store:
            return await store.rows("SELECT username, position FROM evidence_view")

    assert asyncio.run(looks()) == [{"username": "trainer", "position": 0}] * 2
    again = run("export", str(out))
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)


def test_usage_counts_by_class_and_against_the_quota(run: Run, event: UUID) -> None:
    assert event
    printed = run("usage").stdout
    assert "unresolved" in printed
    assert "1 files, 0.000 of 50 GB (0% of the quota)" in printed
