"""Keeps the parts running: a part that dies is started again, and all are stopped in order."""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from gridwatch.cli.up import guard, orphans
from gridwatch.cli.up.child_log import ChildLog
from gridwatch.cli.up.part import Part, Running, StopOrder, in_words
from gridwatch.errors import GridwatchError

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
LONG_LIFE_S = 60.0
"""A part that lived so long is well: its next death waits the first pause again."""

LOOK_EVERY_S = 0.05

PATIENCE_S = 1.2
"""So long the parts of an order have to stop before anybody looks whether something is still at work."""
STOP_LOOKS, STOP_LOOK_EVERY_S = 4, 0.25
"""Who is late is killed when nothing was at work at most of these: what is stuck is gone within 5 s."""
LONGEST_STOP_S = 20.0
"""What is at work has so long, and for each order: compose.yaml gives all of it a minute."""


class PartNotReady(GridwatchError):
    """A part did not become ready in time."""


class Supervisor:
    """Owns every process that `up` starts."""

    def __init__(
        self, *, logs: Path, guard_environment: dict[str, str], say: Callable[[str, str], None]
    ) -> None:
        self._logs = logs
        self._say = say
        self._guard_environment = guard_environment
        self._running: dict[str, Running] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._guard: Process | None = None
        self._stopping = False
        self._end_of_all = asyncio.Event()

    async def start(self, part: Part) -> None:
        """Start a part and keep it running until `stop`."""
        if "guard" not in self._keepers:
            await self._begin_guard()
            self._keepers["guard"] = asyncio.create_task(self._keep_guard(), name="keeper of the guard")
        self._keepers[part.name] = asyncio.create_task(self._keep(part), name=f"keeper of {part.name}")

    async def until_ready(self, part: Part, *, timeout_s: float) -> float:
        """Wait until a part answers and return the seconds that took. Raises PartNotReady."""
        began = time.monotonic()
        while time.monotonic() - began < timeout_s:
            running = self._running.get(part.name)
            if running is not None and not running.ended and await part.ready(running.pid):
                return time.monotonic() - began
            keeper = self._keepers[part.name]
            if keeper.done():
                keeper.result()
            await asyncio.sleep(LOOK_EVERY_S)
        raise PartNotReady(
            f"the {part.name} did not become ready within {timeout_s:g} s: read {self._log_path(part)}"
        )

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the part of that name, if it runs."""
        if (running := self._running.get(name)) is not None and not running.ended:
            running.send(number)

    async def until_broken(self) -> None:
        """Return only when a keeper itself failed; raises what it failed with."""
        done, _ = await asyncio.wait(self._keepers.values(), return_when=asyncio.FIRST_COMPLETED)
        for keeper in done:
            keeper.result()

    async def stop(self) -> None:
        """Stop every part, users before servers, and return when none is left."""
        self._stopping = True
        self._end_of_all.set()
        orphans.adopt()
        for order in StopOrder:
            await self._stop_order(order)
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        await self._end_guard()

    async def _stop_order(self, order: StopOrder) -> None:
        chosen = [one for one in self._running.values() if one.part.order is order and not one.ended]
        for running in chosen:
            running.send(running.part.stop_signal)
        ends = [asyncio.create_task(one.end(), name=f"end of {one.part.name}") for one in chosen]
        if not ends:
            return
        _, late = await asyncio.wait(ends, timeout=PATIENCE_S)
        if late:
            await self._wait_while_at_work(chosen, ends)
            for running in chosen:
                if not running.ended:
                    self._say(running.part.name, "did not stop in time and is killed")
                    running.send_group(signal.SIGKILL)
            await asyncio.wait(late)

    async def _wait_while_at_work(
        self, chosen: Sequence[Running], ends: Collection[asyncio.Task[int]]
    ) -> None:
        """Let those who are late go on while they, or the servers that they wait for, are at work."""
        end = time.monotonic() + LONGEST_STOP_S
        said = False
        while time.monotonic() < end:
            at_work = 0
            for _ in range(STOP_LOOKS):
                _, late = await asyncio.wait(ends, timeout=STOP_LOOK_EVERY_S)
                if not late:
                    return
                at_work += any(one.is_at_work() for one in self._running.values())
            if at_work <= STOP_LOOKS / 2:
                return
            if not said:
                said = True
                for running in chosen:
                    if not running.ended:
                        self._say(running.part.name, f"is still at work: it has {LONGEST_STOP_S:g} s to stop")

    async def _keep(self, part: Part) -> None:
        """Run a part again whenever it ends, with pauses that double."""
        log = ChildLog(self._log_path(part), lambda line: self._pass_on(part, line))
        pause_s = FIRST_PAUSE_S
        while not self._stopping:
            began = time.monotonic()
            status, ended = await self._live_once(part, log)
            if self._is_stopping():
                return
            if part.may_end and status == 0:
                self._say(part.name, "has ended")
                await self._end_of_all.wait()
                return
            if time.monotonic() - began > LONG_LIFE_S:
                pause_s = FIRST_PAUSE_S
            self._say(part.name, f"{ended}; it is started again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _live_once(self, part: Part, log: ChildLog) -> tuple[int | None, str]:
        """Run a part until it ends and return how it ended, as a number and in words."""
        try:
            if part.before is not None:
                await asyncio.to_thread(part.before)
            running = await Running.begin(part, log)
        except OSError as error:
            return None, f"can't be started ({error})"
        self._running[part.name] = running
        self._tell_guard(running)
        try:
            status = await running.end()
        finally:
            # Cancelled while it began: `stop` did not see it.
            running.send_group(signal.SIGKILL)
        self._write_to_guard(f"- {running.pid}\n")
        return status, in_words(status)

    def _is_stopping(self) -> bool:
        return self._stopping

    def _pass_on(self, part: Part, line: str) -> None:
        """Say what a part complains about, unless it is about being stopped."""
        if not self._stopping:
            self._say(part.name, line)

    def _log_path(self, part: Part) -> Path:
        return self._logs / f"{part.name.replace(' ', '-')}.log"

    async def _begin_guard(self) -> None:
        self._guard = await asyncio.create_subprocess_exec(
            sys.executable,
            "-IS",
            guard.__file__,
            env=self._guard_environment,
            stdin=PIPE,
            start_new_session=True,
        )
        for running in self._running.values():
            self._tell_guard(running)

    async def _keep_guard(self) -> None:
        while self._guard is not None:
            await self._guard.wait()
            if self._stopping:
                return
            self._say("guard", "was ended; it is started again")
            await asyncio.sleep(FIRST_PAUSE_S)
            await self._begin_guard()

    def _tell_guard(self, running: Running) -> None:
        if not running.ended:
            part = running.part
            self._write_to_guard(f"+ {running.pid} {part.order.value} {part.stop_signal.value}\n")

    def _write_to_guard(self, line: str) -> None:
        if self._guard is not None and self._guard.returncode is None and self._guard.stdin is not None:
            self._guard.stdin.write(line.encode())

    async def _end_guard(self) -> None:
        """Let the guard read the end of file; one that dawdles is killed, for nobody is left to stop."""
        if self._guard is None or self._guard.stdin is None:
            return
        with suppress(OSError):
            self._guard.stdin.close()
        try:
            await asyncio.wait_for(self._guard.wait(), PATIENCE_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._guard.kill()
            await self._guard.wait()
