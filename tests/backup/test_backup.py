"""A backup restored in another place is the same installation; a damaged one is found in time."""

import asyncio
import hashlib
import os
import random
import resource
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from gridwatch.backup.archive import new_archive, read_parts
from gridwatch.backup.making import Made, make_backup
from gridwatch.backup.restoring import SETTINGS_FOLDER, Restored, check_backup, restore_backup
from gridwatch.backup.rotation import drop_old, is_due
from gridwatch.errors import BackupError, StoreError
from gridwatch.evidence import EvidenceFiles
from gridwatch.model import Device, DeviceFinding, DeviceKind, Finding, Observation, Observations
from gridwatch.settings import Settings, read_settings
from gridwatch.store import Store
from gridwatch.store.devices import add_devices, get_device
from gridwatch.store.dump import open_snapshot
from gridwatch.store.entries import Accepted, Concluded, Entry, Rejected
from gridwatch.store.intake import Intake
from gridwatch.store.migrate import known_migrations, migrate
from tests.collectors import ask, running_collector, totals
from tests.servers import Mosquitto, run_sql, wait_until, with_database
from tests.terminal import typed

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
SECRET = "correct horse battery staple"
EVIDENCE = [b"a picture of what fell", b"another picture"]


@pytest.fixture
def other_url(postgres_url: str) -> Iterator[str]:
    """Return the address of a database in which nothing ever was."""
    name = f"other_{uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}"')
    try:
        yield with_database(postgres_url, name)
    finally:
        run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def entries(known: Any, first: int, count: int) -> list[Entry]:
    """Return `count` messages of a sensor, each with one observation of two quantities."""
    return [
        Accepted(
            known=known,
            message=Observations(
                device=known.device.id,
                items=(
                    Observation(
                        device=known.device.id,
                        observed_at=AT + timedelta(seconds=n),
                        values={"co_ppm": n / 7, "temperature_c": 20.5},
                        seq=n,
                    ),
                ),
            ),
            received_at=AT + timedelta(seconds=n + 1),
        )
        for n in range(first, first + count)
    ]


def fell(known: Any) -> Accepted:
    """Return a camera's own finding of a fall."""
    finding = Finding(label="falling_object", confidence=0.9, observed_at=AT)
    message = DeviceFinding(device=known.device.id, finding=finding)
    return Accepted(known=known, message=message, received_at=AT, concluded=(Concluded(finding=finding),))


def record(url: str, *batch: Entry) -> dict[str, int]:
    """Write a batch as a collector does and return its books."""

    async def run() -> dict[str, int]:
        async with Store.open(url) as store:
            return {name: n for name, n in (await Intake(store, {}).record(batch)).items() if n}

    return asyncio.run(run())


def known_device(url: str, device: str) -> Any:
    """Return a device as collectors know it."""

    async def run() -> Any:
        async with Store.open(url) as store:
            return await get_device(store, device)

    return asyncio.run(run())


def add(url: str, *devices: Device) -> None:
    """Register devices."""

    async def run() -> None:
        async with Store.open(url) as store:
            await add_devices(store, list(devices))

    asyncio.run(run())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of an installation that has the broker's passwords and a CA."""
    data_dir = tmp_path / "here"
    for name in ("broker/passwords", "broker/mosquitto.db", "ca/ca.pem"):
        (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / name).write_text(f"content of {name}")
    return read_settings(
        data_dir=data_dir, alarms="wheelchair=minor", notify_urls="json://a/?b=\x7f json://c"
    )


@pytest.fixture
def filled_url(database_url: str, settings: Settings) -> str:
    """Return a database with devices, readings, an alert with evidence, a job, and a bad message."""
    camera = Device(id="c1", scene="throwing", kind=DeviceKind.CAMERA, name="东门 \\ \t\n'\"")
    add(database_url, Device(id="s1", scene="fire", kind=DeviceKind.SENSOR), camera)
    record(database_url, *entries(known_device(database_url, "s1"), 0, 500))
    record(database_url, fell(known_device(database_url, "c1")))
    known = known_device(database_url, "s1")
    bad = Rejected(
        topic="gw/v1/s1/readings",
        payload=b"\x00{",
        reason="no",
        decoder="d",
        received_at=AT,
        known=known,
    )
    record(database_url, bad)
    files = EvidenceFiles(settings.data_dir / "evidence")
    for position, content in enumerate(EVIDENCE):
        stored = files.put(content, "image/jpeg")
        ask(
            database_url,
            """INSERT INTO evidence (event_id, position, media_type, sha256, size, masked)
               SELECT id, %s, 'image/jpeg', %s, %s, true FROM event""",
            [position, stored.sha256, stored.size],
        )
    files.put(b"nothing in the database shows this", "image/jpeg")
    return database_url


def everything(url: str) -> dict[str, list[str]]:
    """Return every row of every table that is ours, as text."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            """SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'gridwatch'::regnamespace
               AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT LIKE '%yoyo%'"""
        ).fetchall()
        return {
            name: sorted(
                row[0]
                for row in connection.execute(
                    SQL("SELECT t::text FROM {} t").format(Identifier("gridwatch", name))
                )
            )
            for (name,) in names
        }


def back_up(settings: Settings, url: str, tmp_path: Path) -> tuple[Path, Made]:
    """Make a backup of what is at `url`."""
    path = tmp_path / "backup.tar"
    return path, make_backup(settings, url, path)


def restore(path: Path, url: str, data_dir: Path, passphrase: str | None = None, **how: bool) -> Restored:
    """Check a backup and restore it, as the command does."""
    check_backup(path, passphrase)
    return restore_backup(path, passphrase, url, data_dir, force=how.get("force", False))


def test_a_backup_restored_in_another_place_is_the_same_installation(
    filled_url: str, other_url: str, settings: Settings, tmp_path: Path
) -> None:
    path, made = back_up(settings, filled_url, tmp_path)
    there = tmp_path / "there"
    done = restore(path, other_url, there)
    assert (made.evidence, made.missing, done.evidence, done.files) == (2, 0, 2, 2)
    tables = everything(filled_url)
    assert everything(other_url) == tables
    assert ask(other_url, "SELECT count(*) AS n FROM readings") == [{"n": 1000}]
    # With TimescaleDB the hourly sums are no table.
    (is_aggregate,) = ask(filled_url, "SELECT to_regclass('reading_by_hour') IS NOT NULL AS there")
    hours = len(ask(filled_url, "SELECT 1 FROM reading_hourly")) if is_aggregate["there"] else 0
    assert done.rows == sum(map(len, tables.values())) + hours
    assert all(
        tables[name] for name in ("observation", "alert", "evidence", "book_entry", "procrastinate_jobs")
    )
    kept = sorted(file.read_bytes() for file in (there / "evidence").rglob("*.jpg"))
    assert kept == sorted(EVIDENCE)
    assert (there / "broker/passwords").read_text() == "content of broker/passwords"
    assert (there / "ca/ca.pem").exists()
    assert not (there / "broker/mosquitto.db").exists()
    modes = {file.stat().st_mode & 0o777 for file in [path, *there.rglob("*")] if file.is_file()}
    assert modes == {0o600}


def test_a_restored_installation_goes_on_where_it_was(
    filled_url: str, other_url: str, settings: Settings, tmp_path: Path
) -> None:
    path, _ = back_up(settings, filled_url, tmp_path)
    restore(path, other_url, tmp_path / "there")
    assert record(other_url, *entries(known_device(other_url, "s1"), 499, 2)) == {"stored": 1, "duplicate": 1}
    add(other_url, Device(id="s2", scene="throwing", kind=DeviceKind.CAMERA))
    assert known_device(other_url, "s2").key == known_device(filled_url, "c1").key + 1
    record(other_url, fell(known_device(other_url, "s2")))
    (before,) = ask(filled_url, "SELECT max(id) AS id, max(seq) AS seq FROM alert")
    (after,) = ask(other_url, "SELECT max(id) AS id, max(seq) AS seq FROM alert")
    assert after["id"] == before["id"] + 1
    assert after["seq"] == before["seq"] + 1
    ask(other_url, "UPDATE device SET name = 'new' WHERE id = 's1'")
    triggers = "SELECT count(*) AS n FROM pg_trigger WHERE tgenabled <> 'O'"
    assert ask(other_url, triggers) == [{"n": 0}]


def test_the_settings_of_a_backup_are_a_file_that_settings_are_read_from(
    filled_url: str,
    other_url: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    formats = tmp_path / "lorawan.toml"
    formats.write_text("[chirpstack]\n")
    settings = settings.model_copy(update={"formats": formats})
    path, _ = back_up(settings, filled_url, tmp_path)
    restore(path, other_url, tmp_path / "there")
    kept = tmp_path / "there" / SETTINGS_FOLDER / "gridwatch.toml"
    assert "data_dir" not in tomllib.loads(kept.read_text())
    assert kept.with_name("formats.toml").read_text() == "[chirpstack]\n"
    monkeypatch.setenv("GRIDWATCH_CONFIG", str(kept))
    assert read_settings(data_dir=settings.data_dir) == settings


def test_an_encrypted_backup_opens_with_its_passphrase_alone(
    filled_url: str, other_url: str, settings: Settings, tmp_path: Path
) -> None:
    sealed = read_settings(data_dir=settings.data_dir, backup_passphrase=SECRET)
    path, _ = back_up(sealed, filled_url, tmp_path)
    raw = path.read_bytes()
    assert EVIDENCE[0] not in raw
    assert b"content of" not in raw
    assert SECRET.encode() not in raw
    with pytest.raises(BackupError, match="not the passphrase"):
        check_backup(path, SECRET + "!")
    with pytest.raises(BackupError, match="is encrypted"):
        check_backup(path, None)
    restore(path, other_url, tmp_path / "there", SECRET)
    assert everything(other_url) == everything(filled_url)


@pytest.mark.parametrize("passphrase", [None, SECRET], ids=["plain", "encrypted"])
def test_a_backup_with_one_wrong_byte_or_without_its_end_is_found(
    filled_url: str, settings: Settings, tmp_path: Path, passphrase: str | None
) -> None:
    chosen = read_settings(data_dir=settings.data_dir, backup_passphrase=passphrase)
    path, _ = back_up(chosen, filled_url, tmp_path)
    whole = path.read_bytes()
    check_backup(path, passphrase)
    parts = [*read_parts(path, passphrase)]
    chance = random.Random(3)  # noqa: S311
    # What tar fills up with zeros belongs to no part; the key is at the beginning, and costly to try.
    inside = [n for n, byte in enumerate(whole) if byte and (n > 2048 or not passphrase)]
    positions = chance.sample(inside, 60)
    found = 0
    for position in positions:
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            assert [*read_parts(path, passphrase)] == parts
        except BackupError:
            found += 1
    assert found >= len(positions) - 2
    # Zeros follow the last part: who cuts off only these has lost nothing.
    for length in chance.sample(range(1, len(whole.rstrip(b"\0"))), 20):
        path.write_bytes(whole[:length])
        with pytest.raises(BackupError):
            check_backup(path, passphrase)


def test_a_backup_is_readable_without_gridwatch(filled_url: str, settings: Settings, tmp_path: Path) -> None:
    path, _ = back_up(settings, filled_url, tmp_path)
    subprocess.run(["tar", "xf", str(path)], cwd=tmp_path, check=True, timeout=30)
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", "checksums.txt"], cwd=tmp_path, check=False, timeout=30
    )
    assert checked.returncode == 0


def test_a_database_in_use_is_not_overwritten_unless_it_is_said(
    filled_url: str, settings: Settings, tmp_path: Path
) -> None:
    path, _ = back_up(settings, filled_url, tmp_path)
    before = everything(filled_url)
    add(filled_url, Device(id="later", scene="fire", kind=DeviceKind.SENSOR))
    with pytest.raises(BackupError, match="not empty"):
        restore(path, filled_url, tmp_path / "there")
    ask(
        filled_url,
        "INSERT INTO collector (client_id, slot, pid, subscribed) VALUES ('gridwatch-0', 0, 1, true)",
    )
    with pytest.raises(BackupError, match="a collector is writing"):
        restore(path, filled_url, tmp_path / "there", force=True)
    ask(filled_url, "DELETE FROM collector")
    restore(path, filled_url, tmp_path / "there", force=True)
    assert everything(filled_url) == before


def test_a_backup_of_a_newer_gridwatch_changes_nothing(
    database_url: str, settings: Settings, tmp_path: Path
) -> None:
    add(database_url, Device(id="s1", scene="fire", kind=DeviceKind.SENSOR))
    ask(
        database_url,
        """INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)
           VALUES ('of-the-future', '9999-future', now())""",
    )
    path, _ = back_up(settings, database_url, tmp_path)
    with pytest.raises(BackupError, match=r"newer Gridwatch .*9999-future"):
        restore(path, database_url, tmp_path / "there", force=True)
    assert known_device(database_url, "s1").device.id == "s1"


def test_a_backup_of_an_older_gridwatch_is_migrated(
    postgres_url: str, other_url: str, settings: Settings, tmp_path: Path
) -> None:
    name = f"old_{uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}"')
    old_url = with_database(postgres_url, name)
    try:
        migrate(old_url, only=[m for m in known_migrations() if m < "0004"])
        ask(
            old_url,
            """INSERT INTO device (id, scene, kind) VALUES ('s1', 'fire', 'sensor');
               INSERT INTO quantity (name) VALUES ('co_ppm');
               INSERT INTO observation (device_key, observed_at, seq) VALUES (1, now(), 7);
               INSERT INTO reading (device_key, quantity_key, observed_at, received_at, value)
               SELECT 1, 1, now() - n * interval '1 minute', now(), n FROM generate_series(1, 300) n""",
        )
        path, _ = back_up(settings, old_url, tmp_path)
    finally:
        run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')
    restore(path, other_url, tmp_path / "there")
    (found,) = ask(
        other_url, "SELECT count(*) AS n, sum(value)::int AS sum, max(flags) AS flags FROM gw.readings"
    )
    assert found == {"n": 300, "sum": 45150, "flags": 0}
    assert ask(other_url, "SELECT seq FROM observation") == [{"seq": 7}]
    applied = {row["id"] for row in ask(other_url, "SELECT migration_id AS id FROM _yoyo_migration")}
    assert applied == known_migrations()


def test_a_backup_is_of_one_moment_while_a_collector_writes(
    database_url: str, other_url: str, settings: Settings, tmp_path: Path
) -> None:
    add(database_url, Device(id="s1", scene="fire", kind=DeviceKind.SENSOR))
    known = known_device(database_url, "s1")
    done = threading.Event()

    async def write() -> None:
        async with Store.open(database_url) as store:
            intake = Intake(store, {})
            for first in range(0, 10**6, 20):
                await intake.record(entries(known, first, 20))
                if done.is_set():
                    return

    writer = threading.Thread(target=lambda: asyncio.run(write()), name="writer")
    writer.start()
    try:
        wait_until(lambda: totals(database_url)["stored"] > 100, what="something is stored")
        path, _ = back_up(settings, database_url, tmp_path)
        stored = totals(database_url)["stored"]
        wait_until(lambda: totals(database_url)["stored"] > stored, what="the collector writes on")
    finally:
        done.set()
        writer.join(30)
    restore(path, other_url, tmp_path / "there")
    (found,) = ask(
        other_url,
        """SELECT (SELECT count(*) FROM observation) AS observations, count(*) / 2 AS readings,
                  (SELECT stored FROM book WHERE device = 's1') AS stored FROM readings""",
    )
    assert found["stored"] >= 100
    assert found["observations"] == found["readings"] == found["stored"]


def test_nobody_waits_for_a_table_that_was_copied(filled_url: str) -> None:
    with open_snapshot(filled_url) as snapshot:
        (table,) = [table for table in snapshot.contents.tables if table.name == "observation"]
        copied = b"".join(snapshot.read(table))
        ask(filled_url, "SET lock_timeout = '5s'; TRUNCATE observation")
        assert len(copied) > 500 * 20


def test_tables_that_are_migrated_meanwhile_make_no_backup(
    filled_url: str, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="migrated during the backup"), open_snapshot(filled_url):
        ask(
            filled_url,
            """INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)
               VALUES ('of-now', '9998-now', now())""",
        )


def test_a_disk_that_is_full_leaves_no_half_file(filled_url: str, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "gridwatch", "backup", str(folder / "b.tar")],
        env=os.environ | {"GRIDWATCH_DATABASE_URL": filled_url, "GRIDWATCH_DATA_DIR": str(settings.data_dir)},
        # The nearest thing to a full disk that a test may have: files may grow to 16 KiB.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"gridwatch: the backup {folder / 'b.tar'} can't be written")
    assert [*folder.iterdir()] == []


def test_a_part_that_leads_out_of_the_data_directory_is_refused(
    filled_url: str, other_url: str, settings: Settings, tmp_path: Path
) -> None:
    path, _ = back_up(settings, filled_url, tmp_path)
    forged = tmp_path / "forged.tar"
    with new_archive(forged, None) as archive:
        for part in read_parts(path, None):
            archive.add(part.name, part.content)
        archive.add("folders/../../outside", b"x")
    with pytest.raises(BackupError, match="outside of the data directory"):
        restore(forged, other_url, tmp_path / "there")
    assert not (tmp_path.parent / "outside").exists()
    assert not (tmp_path / "outside").exists()


def test_a_collector_makes_backups_on_a_timer_and_the_oldest_go(
    filled_url: str, mosquitto: Mosquitto, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    old = [folder / f"gridwatch-2026010{day}T000000Z.tar" for day in (1, 2, 3)]
    for file in old:
        file.touch()
        os.utime(file, (0, 0))
    chosen = {"GRIDWATCH_BACKUP_DIR": str(folder), "GRIDWATCH_BACKUP_KEEP": "2"}
    with running_collector(filled_url, mosquitto, settings.data_dir, **chosen):
        wait_until(lambda: not old[1].exists(), what="the oldest backups go")
    left = sorted(folder.iterdir())
    assert left[0] == old[2]
    assert len(left) == 2
    assert check_backup(left[1], None).manifest.installation == "gridwatch"
    assert [row["error"] for row in ask(filled_url, "SELECT error FROM chore WHERE name = 'backup'")] == [
        None
    ]


def test_a_backup_on_a_timer_that_fails_is_said(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    chosen = {"GRIDWATCH_BACKUP_DIR": str(tmp_path / "file" / "backups")}
    with running_collector(database_url, mosquitto, tmp_path, **chosen) as collector:
        wait_until(lambda: "backup failed" in collector.log, what="the failure is said")
        assert "ERROR" in collector.log
        assert "can't be made" in collector.log


def test_the_next_backup_is_due_when_the_newest_is_old_and_none_is_under_way(tmp_path: Path) -> None:
    settings = read_settings(data_dir=tmp_path, backup_every_hours=2, backup_keep=1)
    assert is_due(settings, tmp_path)
    first, second, stranger = (
        tmp_path / f"{name}.tar"
        for name in ("gridwatch-20260101T000000Z", "gridwatch-20260101T000001Z", "gridwatch-by-hand")
    )
    for file in (first, second, stranger):
        file.touch()
    assert not is_due(settings, tmp_path)
    os.utime(second, (time.time() - 7201,) * 2)
    assert is_due(settings, tmp_path)
    under_way = tmp_path / "gridwatch-20260101T000002Z.tar.part"
    under_way.touch()
    assert not is_due(settings, tmp_path)
    os.utime(under_way, (0, 0))
    assert is_due(settings, tmp_path)
    assert drop_old(settings, tmp_path) == [first]
    assert {*tmp_path.iterdir()} == {second, stranger}


def gridwatch(data_dir: Path, *words: str, **settings: str) -> str:
    """Run a command of an installation whose database is its own, and return what it printed."""
    done = typed(*words, GRIDWATCH_DATA_DIR=str(data_dir), **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


HOURS = ("horizon", "reading_by_hour", "reading_hourly_kept", "reading_touched")
"""What TimescaleDB and that installation's plain PostgreSQL hold in different forms: see test_hours.py."""


def test_an_installation_that_does_not_run_is_restored_and_backed_up_again(
    filled_url: str, settings: Settings, tmp_path: Path
) -> None:
    path, _ = back_up(settings, filled_url, tmp_path)
    there, again = tmp_path / "there", tmp_path / "again.tar"
    assert "2 files of evidence" in gridwatch(there, "restore", str(path))
    gridwatch(there, "backup", str(again), GRIDWATCH_BACKUP_PASSPHRASE=SECRET)
    assert "is whole" in gridwatch(
        there, "restore", "--check", str(again), GRIDWATCH_BACKUP_PASSPHRASE=SECRET
    )

    def digests(file: Path, passphrase: str | None) -> dict[str, str]:
        parts = {part.name: part.content for part in read_parts(file, passphrase)}
        return {
            name: hashlib.sha256(content).hexdigest()
            for name, content in parts.items()
            if name.split("/")[0] in ("database", "evidence", "folders") and name.split("/")[1] not in HOURS
        }

    assert digests(again, SECRET) == digests(path, None)
