"""What `up` refuses to start with, and what it says."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gridwatch.cli.up import data_folder
from gridwatch.cli.up.account import Account
from gridwatch.cli.up.broker import write_mosquitto_configuration
from gridwatch.cli.up.child_log import ChildLog
from gridwatch.cli.up.data_folder import check_space, hold
from gridwatch.cli.up.ports import check_port_free
from gridwatch.errors import SettingsError
from tests.servers import free_port

AS_ROOT = os.geteuid() == 0


def test_a_data_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with hold(tmp_path / "data", None):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="only root can give a folder to another group")
def test_as_root_the_database_account_may_pass_through_and_not_look(tmp_path: Path) -> None:
    account = Account(name="nobody", uid=65534, gid=65534)
    with hold(tmp_path / "data", account):
        found = (tmp_path / "data").stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o710, account.gid)
        assert account.may_enter(tmp_path / "data")
        assert not account.may_enter(tmp_path)


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    there = tmp_path / "data"
    there.mkdir(mode=0o750)
    with hold(there, Account(name="nobody", uid=65534, gid=65534)):
        assert stat.S_IMODE(there.stat().st_mode) == 0o750


def test_a_second_process_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    attempt = f"""
from pathlib import Path
from gridwatch.cli.up.data_folder import hold
with hold(Path({str(tmp_path)!r}), None):
    print("held")
"""
    with hold(tmp_path, None):
        refused = subprocess.run(
            [sys.executable, "-c", attempt], capture_output=True, text=True, timeout=120, check=False
        )
    assert f"another gridwatch up (process {os.getpid()}) is using the data directory" in refused.stderr
    granted = subprocess.run(
        [sys.executable, "-c", attempt], capture_output=True, text=True, timeout=120, check=True
    )
    assert granted.stdout == "held\n"


def test_a_directory_that_can_not_be_made_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refusal = pytest.raises(SettingsError, match=r"file/data can't be made \(Not a directory\).*--data DIR")
    with refusal, hold(tmp_path / "file" / "data", None):
        pass


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_a_directory_without_permission_is_named_with_the_way_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    refusal = pytest.raises(SettingsError, match=r"can't be written \(Permission denied\).*--data DIR")
    with refusal, hold(tmp_path, None):
        pass


def test_a_disk_that_is_nearly_full_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=r"MB are free on the disk of .* are needed: make room there"):
        check_space(tmp_path, enough_bytes=1 << 60)
    monkeypatch.setattr(data_folder, "ENOUGH_BYTES", 0)
    check_space(tmp_path)


def test_a_port_in_use_is_named_with_its_holder_and_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError) as refused:
            check_port_free("127.0.0.1", port, what="the API", instead="--port N")
    text = str(refused.value)
    assert f"port {port} for the API is already in use by" in text
    assert f"(process {os.getpid()})" in text
    assert text.endswith("choose another port with --port N")


def test_an_address_of_another_machine_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match=r"the API can't listen on 192\.0\.2\.1"):
        check_port_free("192.0.2.1", free_port(), what="the API", instead="GRIDWATCH_HTTP_HOST")


def test_a_free_port_passes() -> None:
    check_port_free("127.0.0.1", free_port(), what="the API", instead="--port N")


def test_the_local_broker_listens_on_loopback_only_and_keeps_everything(tmp_path: Path) -> None:
    written = write_mosquitto_configuration(tmp_path / "broker", port=18830).read_text().splitlines()
    options = [line for line in written if line and not line.startswith("#")]
    assert [line for line in options if line.startswith("listener")] == ["listener 18830 127.0.0.1"]
    assert "allow_anonymous true" in options
    assert not any(line.startswith("password_file") for line in options)
    assert {"persistence true", "max_queued_messages 0", "autosave_interval 120"} <= set(options)
    assert stat.S_IMODE((tmp_path / "broker").stat().st_mode) == 0o700


def test_warnings_of_a_part_are_passed_on_and_the_rest_is_kept(tmp_path: Path) -> None:
    heard: list[str] = []
    log = ChildLog(tmp_path / "part.log", heard.append)
    log.write(b"12:00 INFO all is well\n12:01 WARN")
    log.write(b"ING the disk is slow\n12:02 DEBUG errors=0\n")
    assert heard == ["12:01 WARNING the disk is slow"]
    assert (tmp_path / "part.log").read_text().count("\n") == 3


def test_the_last_line_of_a_traceback_is_passed_on(tmp_path: Path) -> None:
    heard: list[str] = []
    trace = b'Traceback (most recent call last):\n  File "x.py", line 1\ngridwatch.errors.StoreError: no\n'
    ChildLog(tmp_path / "part.log", heard.append).write(trace)
    assert heard == ["gridwatch.errors.StoreError: no"]


def test_a_flood_of_warnings_is_cut_and_counted_in_the_log(tmp_path: Path) -> None:
    heard: list[str] = []
    ChildLog(tmp_path / "part.log", heard.append).write(b"ERROR again\n" * 1000)
    assert len(heard) == 5
    assert (tmp_path / "part.log").read_text().count("\n") == 1000


def test_a_log_stays_within_twice_its_size(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "part.log", lambda _line: None)
    for _ in range(100):
        log.write(b"x" * (1 << 20))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 21 << 20
