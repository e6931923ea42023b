"""The post of one camera: its threads, whether pictures come, and how well they are judged."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from gridwatch.model import Finding
from gridwatch.wire import encode_observation, topic_of
from ingest.bridges.publisher import Outgoing, Publisher, status_of
from ingest.edge.cameras import Kind
from ingest.edge.figures import figures
from ingest.edge.showing import Tell, finding_message
from ingest.edge.watch import Watch

log = logging.getLogger(__name__)

DETECTOR = "edge/1"
"""Who tells that a camera is away."""

LOOK_EVERY_S = 1.0
FIGURES_EVERY_S = 60.0

END_WITHIN_S = 1.5
"""For a camera's threads when they are told to stop; one that waits for its camera ends with the process."""


class Post:
    """Runs the watch over one camera.

    The camera is online while pictures of it are judged. After `away_after_s` without one it is offline, and
    a `device_fault` says so, which ends with the next picture. Where the camera `speaks_for_itself`, it is
    the device whose status `publisher` says whenever it connects.
    """

    def __init__(
        self, watch: Watch, tell: Tell, publisher: Publisher, *, speaks_for_itself: bool, away_after_s: float
    ) -> None:
        self._watch = watch
        self._device = watch.camera.device
        self._is_file = watch.camera.source.kind is Kind.FILE
        self._tell = tell
        self._publisher = publisher
        self._speaks_for_itself = speaks_for_itself
        self._away_after_s = away_after_s
        self._is_there: bool | None = None
        self._away_since: datetime | None = None

    async def run(self) -> None:
        """Watch until cancelled, a file to its end; raises SourceAway where a file can't be read."""
        threads = [
            in_thread(self._watch.read, f"read {self._device}"),
            in_thread(self._watch.judge, f"judge {self._device}"),
        ]
        tending = asyncio.create_task(self._tend(), name=f"tend {self._device}")
        try:
            await asyncio.gather(*threads)
        finally:
            tending.cancel()
            self._watch.stop()
            await asyncio.wait(threads, timeout=END_WITHIN_S)
            self._say_all()
            if self._is_there and not self._speaks_for_itself:
                self._tell(status_of(self._device, online=False))

    async def _tend(self) -> None:
        before, counted_s = self._watch.counts, time.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._look()
            now_s = time.monotonic()
            if now_s - counted_s >= FIGURES_EVERY_S and not self._is_file:
                counts = self._watch.counts
                told = figures(self._device, before, counts, seconds=now_s - counted_s, at=datetime.now(UTC))
                self._tell(
                    Outgoing(topic=topic_of(self._device, "readings"), payload=encode_observation(told))
                )
                if counts.skipped > before.skipped:
                    log.warning(
                        "%s: %d pictures were not looked at: the computer is too slow",
                        self._device,
                        counts.skipped - before.skipped,
                    )
                before, counted_s = counts, now_s

    def _look(self) -> None:
        """Say when pictures begin to come, and when none came for too long."""
        silent_s = time.monotonic() - self._watch.seen_s
        if silent_s >= self._away_after_s:
            if self._is_there is not False and not self._is_file:
                self._away_since = datetime.now(UTC) - timedelta(seconds=silent_s)
                log.warning("%s: no picture for %.0f s", self._device, silent_s)
                self._say(online=False)
                self._tell(finding_message(self._device, self._fault(self._away_since, ended_at=None)))
        elif self._watch.counts.judged and not self._is_there:
            self._say(online=True)
            if self._away_since is not None:
                fault = self._fault(self._away_since, ended_at=datetime.now(UTC))
                self._tell(finding_message(self._device, fault))
                self._away_since = None

    def _say(self, *, online: bool) -> None:
        self._is_there = online
        if self._speaks_for_itself:
            self._publisher.is_online = online
        self._tell(status_of(self._device, online=online))

    def _fault(self, since: datetime, *, ended_at: datetime | None) -> Finding:
        return Finding(
            id=f"{DETECTOR} {since.isoformat()}",
            label="device_fault",
            confidence=1.0,
            observed_at=since,
            started_at=since,
            ended_at=ended_at,
            detector=DETECTOR,
        )

    def _say_all(self) -> None:
        counts = self._watch.counts
        each_ms = 1000 * counts.judging_s / max(1, counts.judged)
        log.info(
            "%s: %d of %d pictures judged, %.1f ms each; %d skipped, %d damaged",
            self._device,
            counts.judged,
            counts.read,
            each_ms,
            counts.skipped,
            counts.damaged,
        )


def in_thread(work: Callable[[], None], name: str) -> "asyncio.Future[None]":
    """Run `work` in a thread that does not outlive the process; the future ends as it does."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def settle(failure: BaseException | None) -> None:
        if future.done():
            return
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)

    def run() -> None:
        failure = None
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - who awaits the future gets it
            failure = error
        with suppress(RuntimeError):  # The loop may have ended meanwhile.
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
