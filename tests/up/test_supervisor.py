"""The supervisor with small real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from gridwatch.cli.up import supervisor as supervising
from gridwatch.cli.up.part import Part, StopOrder
from gridwatch.cli.up.supervisor import PartNotReady, Supervisor
from tests.servers import wait_until

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
BUSY = """
import signal, sys, time

def save(*_):
    end = time.process_time() + {cpu_s}
    while time.process_time() < end:
        pass
    open("{saved}", "w").close()
    sys.exit()

signal.signal(signal.SIGTERM, save)
print("up", flush=True)
time.sleep(60)
"""
HAS_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("child", child.pid, flush=True)
time.sleep(60)
"""


class Heard:
    """What a supervisor said, and where its logs are."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.lines: list[tuple[str, str]] = []

    def say(self, name: str, text: str) -> None:
        self.lines.append((name, text))

    def log(self, name: str) -> str:
        path = self.logs / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def count(self, text: str) -> int:
        return sum(text in line for _, line in self.lines)


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    return Heard(tmp_path)


@asynccontextmanager
async def supervised(heard: Heard) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(logs=heard.logs, guard_environment=dict(os.environ), say=heard.say)
    try:
        yield supervisor
    finally:
        await supervisor.stop()


def small_part(heard: Heard, code: str, *, name: str = "part", order: StopOrder = StopOrder.USERS) -> Part:
    async def ready(_pid: int) -> bool:
        return bool(heard.log(name))

    return Part(
        name=name,
        command=[sys.executable, "-c", code],
        environment=dict(os.environ),
        ready=ready,
        order=order,
    )


async def until(heard: Heard, condition: Callable[[], bool], what: str) -> None:
    """Wait for what a loaded machine may take long to do; say what was heard when it does not come."""
    try:
        await asyncio.to_thread(wait_until, condition, what=what)
    except TimeoutError as error:
        error.add_note(f"the supervisor said {heard.lines}")
        raise


def test_a_part_that_was_killed_is_said_and_started_again(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "FIRST_PAUSE_S", 0.01)

    async def scene() -> None:
        async with supervised(heard) as supervisor:
            part = small_part(heard, "import os; print(os.getpid(), flush=True); import time; time.sleep(60)")
            await supervisor.start(part)
            await supervisor.until_ready(part, timeout_s=10.0)
            os.kill(int(heard.log("part").split()[0]), signal.SIGKILL)
            await until(heard, lambda: len(heard.log("part").split()) == 2, "a second life")

    asyncio.run(scene())
    assert heard.lines[0] == ("part", "was ended by SIGKILL; it is started again in 0.01 s")


def test_the_pauses_between_lives_double(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(supervising, "LONGEST_PAUSE_S", 0.04)

    async def scene() -> None:
        async with supervised(heard) as supervisor:
            await supervisor.start(small_part(heard, "raise SystemExit(3)"))
            await until(heard, lambda: len(heard.lines) >= 5, "five deaths")

    asyncio.run(scene())
    pauses = [
        line.removeprefix("ended with status 3; it is started again in ") for _, line in heard.lines[:5]
    ]
    assert pauses == ["0.01 s", "0.02 s", "0.04 s", "0.04 s", "0.04 s"]


def test_stopping_leaves_no_process_and_takes_users_before_servers(heard: Heard) -> None:
    async def scene() -> set[int]:
        before = {child.pid for child in psutil.Process().children()}
        async with supervised(heard) as supervisor:
            last_words = (
                "import signal, sys, time\n"
                "signal.signal(signal.SIGTERM, lambda *_: (print(time.monotonic()), sys.exit()))\n"
                "print('up', flush=True); time.sleep(60)"
            )
            server = small_part(heard, last_words, name="server", order=StopOrder.SERVERS)
            user = small_part(heard, last_words, name="user")
            for part in (server, user):
                await supervisor.start(part)
                await supervisor.until_ready(part, timeout_s=10.0)
            children = {child.pid for child in psutil.Process().children()} - before
            assert len(children) == 3, "the two and the guard"
        return children

    children = asyncio.run(scene())
    assert not any(psutil.pid_exists(pid) for pid in children)
    assert float(heard.log("user").split()[-1]) < float(heard.log("server").split()[-1])


def test_stopping_leaves_no_guard_that_dawdles(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "PATIENCE_S", 0.3)

    async def scene() -> psutil.Process:
        before = set(psutil.Process().children())
        async with supervised(heard) as supervisor:
            await supervisor.start(small_part(heard, "pass"))
            await until(heard, lambda: bool(heard.lines), "a part that ended by itself")
            (guard,) = [
                one for one in psutil.Process().children() if one not in before and "guard" in name(one)
            ]
            guard.suspend()
        return guard

    def name(process: psutil.Process) -> str:
        return " ".join(process.cmdline())

    assert not asyncio.run(scene()).is_running()


def test_a_part_that_does_not_heed_the_signal_is_killed_in_time(heard: Heard) -> None:
    async def scene() -> float:
        async with supervised(heard) as supervisor:
            part = small_part(heard, DEAF)
            await supervisor.start(part)
            await supervisor.until_ready(part, timeout_s=10.0)
            began = asyncio.get_running_loop().time()
            await supervisor.stop()
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(scene()) < 5.0
    assert ("part", "did not stop in time and is killed") in heard.lines


def test_a_part_that_is_at_work_when_it_is_stopped_gets_its_time_and_is_named(
    heard: Heard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    monkeypatch.setattr(supervising, "PATIENCE_S", 0.05)
    monkeypatch.setattr(supervising, "STOP_LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(supervising, "LONGEST_STOP_S", 60.0)

    async def scene() -> None:
        async with supervised(heard) as supervisor:
            part = small_part(heard, BUSY.format(cpu_s=0.5, saved=saved))
            await supervisor.start(part)
            await supervisor.until_ready(part, timeout_s=10.0)

    asyncio.run(scene())
    assert heard.lines == [("part", "is still at work: it has 60 s to stop")]
    assert saved.exists()


def test_a_part_that_works_on_for_ever_is_killed_too(
    heard: Heard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    monkeypatch.setattr(supervising, "PATIENCE_S", 0.1)
    monkeypatch.setattr(supervising, "LONGEST_STOP_S", 0.5)

    async def scene() -> None:
        async with supervised(heard) as supervisor:
            part = small_part(heard, BUSY.format(cpu_s=600, saved=saved))
            await supervisor.start(part)
            await supervisor.until_ready(part, timeout_s=10.0)

    asyncio.run(scene())
    assert heard.lines[-1] == ("part", "did not stop in time and is killed")
    assert not saved.exists()


def test_what_a_killed_part_had_started_goes_with_it(heard: Heard) -> None:
    async def scene() -> int:
        async with supervised(heard) as supervisor:
            part = small_part(heard, HAS_A_CHILD)
            await supervisor.start(part)
            await supervisor.until_ready(part, timeout_s=10.0)
            grandchild = psutil.Process(int(heard.log("part").split()[1]))
            parent = grandchild.parent()
            assert parent is not None
            parent.kill()
            await until(heard, lambda: not _lives(grandchild.pid), "the grandchild's end")
            return grandchild.pid

    assert not _lives(asyncio.run(scene()))


def test_a_part_that_never_works_is_named_with_its_log(heard: Heard) -> None:
    async def scene() -> None:
        async with supervised(heard) as supervisor:
            part = small_part(heard, "import time; time.sleep(60)")
            await supervisor.start(part)
            await supervisor.until_ready(part, timeout_s=0.2)

    with pytest.raises(PartNotReady, match=r"the part did not become ready within 0.2 s: read .*part\.log"):
        asyncio.run(scene())


def test_a_program_that_is_missing_is_said(heard: Heard) -> None:
    async def scene() -> None:
        async with supervised(heard) as supervisor:
            missing = Part(
                name="part",
                command=["/nowhere/at-all"],
                environment={},
                ready=small_part(heard, "").ready,
                order=StopOrder.USERS,
            )
            await supervisor.start(missing)
            await until(heard, lambda: heard.count("can't be started") > 0, "the sentence")

    asyncio.run(scene())


def test_the_guard_stops_the_parts_of_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    """The supervisor lives in a process of its own here, so that it can be killed."""
    script = f"""
import asyncio, os, sys
from pathlib import Path
from gridwatch.cli.up.part import Part, StopOrder
from gridwatch.cli.up.supervisor import Supervisor

async def ready(pid):
    print(pid, flush=True)
    return True

async def main():
    supervisor = Supervisor(logs=Path({str(tmp_path)!r}), guard_environment=dict(os.environ), say=print)
    part = Part(name="part", command=[sys.executable, "-c", {HAS_A_CHILD!r}], environment=dict(os.environ),
                ready=ready, order=StopOrder.USERS)
    await supervisor.start(part)
    await supervisor.until_ready(part, timeout_s=10)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        part = int(process.stdout.readline())
        log = tmp_path / "part.log"
        wait_until(lambda: log.exists() and log.read_text() != "", what="the grandchild")
        grandchild = int(log.read_text().split()[1])
        process.kill()
    wait_until(lambda: not _lives(part) and not _lives(grandchild), what="nobody is left")


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
