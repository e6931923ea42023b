"""One part of the installation: a process that `up` keeps running."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import psutil

from gridwatch.cli.up import orphans
from gridwatch.cli.up.account import Account, as_account
from gridwatch.cli.up.child_log import ChildLog

CHUNK_BYTES = 64 << 10
AT_WORK = (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)
LAST_WORDS_S = 1.0
"""How long the output of a process that ended is still read: an orphan of it may hold the pipe open."""


class StopOrder(IntEnum):
    """Who is stopped before whom: what uses a server before the server."""

    USERS = 0
    SERVERS = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What to run, how to see that it works, how to stop it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[int], Awaitable[bool]]
    order: StopOrder
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    folder: Path | None = None
    before: Callable[[], object] | None = None
    may_end: bool = False
    """Whether it may end for good by itself, with status 0; every other part is started again."""


class Running:
    """One life of a part, in a session and process group of its own."""

    def __init__(self, part: Part, process: Process, reading: asyncio.Task[None]) -> None:
        self.part = part
        self.pid = process.pid
        self._process = process
        self._reading = reading

    @classmethod
    async def begin(cls, part: Part, log: ChildLog) -> "Running":
        """Start the part's process. Raises OSError when it can't be."""
        # A pipe of our own: with asyncio's, `wait` waits for the pipe too, which an orphan may hold open.
        output, input_ = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                env=dict(part.environment),
                cwd=part.folder,
                stdin=DEVNULL,
                stdout=input_,
                stderr=STDOUT,
                start_new_session=True,
                **as_account(part.account),
            )
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(input_)
        return cls(part, process, asyncio.create_task(_read(output, log), name=f"log of {part.name}"))

    @property
    def ended(self) -> bool:
        """Say whether the process has ended."""
        return self._process.returncode is not None

    def is_at_work(self) -> bool:
        """Say whether the process, or any that it started, computes or waits for the disk right now.

        Where a kernel says of all processes that they run, as macOS does, it always is until it has ended.
        """
        try:
            process = psutil.Process(self.pid)
            return any(one.status() in AT_WORK for one in [process, *process.children(recursive=True)])
        except psutil.NoSuchProcess:
            return not self.ended  # One of them ended just now.

    async def end(self) -> int:
        """Wait for the end, take what it left in its group along, and return its status."""
        status = await self._process.wait()
        self.send_group(signal.SIGKILL)
        await asyncio.wait([self._reading], timeout=LAST_WORDS_S)
        self._reading.cancel()
        orphans.reap(self.pid)
        return status

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone: what it started it stops itself."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def send_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and all that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


async def _read(output: int, log: ChildLog) -> None:
    """Hand what comes out of a pipe to `log` until its end, and close it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", buffering=0)
    )
    try:
        while data := await reader.read(CHUNK_BYTES):
            log.write(data)
    finally:
        transport.close()


def in_words(status: int) -> str:
    """Return how a process ended, in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
