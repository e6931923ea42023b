"""The straight line of frames, clips and findings with evidence: one lane per detector process.

When frames come faster than they can be looked at, the oldest frame of that camera is skipped and counted;
clips and findings are never skipped.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Container
from dataclasses import dataclass

from msgspec.structs import replace

from gridwatch.errors import DetectorError, EvidenceError, UnreadableMedia
from gridwatch.evidence import EvidenceFiles
from gridwatch.model import Clip, DeviceFinding, Evidence, Finding, Frame
from gridwatch.store.devices import KnownDevice
from gridwatch.store.entries import Accepted, Concluded, Entry, Shown, Skipped
from ingest.broker import Delivery
from ingest.examine import Examined
from ingest.foreign import NATIVE, Foreign
from ingest.memories import Memories
from ingest.pipeline import refused_by, understand
from ingest.pool import Pool, WorkerLost
from ingest.recorder import Recorder
from ingest.registry import Registry
from ingest.shares import Share
from ingest.snapshots import Snapshots

log = logging.getLogger(__name__)

WINDOW = 64
"""Frames, clips and findings in flight. Acknowledgements keep their order, so what a long clip holds up must
fit in here; and they lie in memory, so it can't be large."""

FRAMES_WAITING = 32
"""Of one camera; older ones are skipped. A burst is looked at, a camera that is always too fast is not."""

LANE_FRAMES_WAITING = 64
"""Of all cameras of one worker: at 30 to 60 ms each, what is looked at is at most some 4 s old."""

ATTEMPTS = 2
"""A worker that dies over a medium gets one more try; then the medium goes to quarantine."""

EVIDENCE_RETRY_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A delivery and what it was understood as."""

    delivery: Delivery
    entry: Entry


async def take_media(
    session: Share,
    registry: Registry,
    pool: Pool,
    files: EvidenceFiles,
    memories: Memories,
    recorder: Recorder,
    foreign: Foreign,
    looked: Callable[[Entry], None],
) -> None:
    """Take in frames, clips and findings of one session, for ever; `looked` hears of each once it is safe."""
    snapshots = Snapshots(foreign.fetched_from)
    lanes = [Lane(session, pool, files, memories, recorder, snapshots, looked) for _ in range(pool.size)]
    async with asyncio.TaskGroup() as tasks:
        for number, lane in enumerate(lanes):
            tasks.create_task(lane.run(), name=f"lane {number}")
        while True:
            deliveries = await session.batch(most=WINDOW, linger_s=0)
            ours, theirs = foreign.sort_out(deliveries)
            understood = [*zip(ours, await understand(ours, registry), strict=True)]
            told = await foreign.understand(theirs, registry)
            understood += [(one, entry) for one, (entry,) in zip(theirs, told, strict=True)]
            for delivery, entry in understood:
                device = entry.known.device.id if isinstance(entry, Accepted) else ""
                lanes[pool.lane_of(device)].add(Waiting(delivery=delivery, entry=entry))
            if refused := await refused_by(session, registry, foreign):
                await recorder.record(refused)


class Lane:
    """What waits for one worker, in the order it came."""

    def __init__(
        self,
        session: Share,
        pool: Pool,
        files: EvidenceFiles,
        memories: Memories,
        recorder: Recorder,
        snapshots: Snapshots,
        looked: Callable[[Entry], None],
    ) -> None:
        self._session = session
        self._looked = looked
        self._pool = pool
        self._files = files
        self._memories = memories
        self._recorder = recorder
        self._snapshots = snapshots
        self._queue: deque[Waiting] = deque()
        self._skipped: list[Waiting] = []
        self._frames: Counter[str] = Counter()
        self._added = asyncio.Event()

    def add(self, waiting: Waiting) -> None:
        """Put something at the end; skip the oldest frame when too many of its camera, or in all, wait."""
        self._queue.append(waiting)
        camera = _camera(waiting)
        if camera is not None:
            self._frames[camera] += 1
            if self._frames[camera] > FRAMES_WAITING:
                self._skip_oldest({camera})
            elif self._frames.total() > LANE_FRAMES_WAITING:
                self._skip_oldest(self._frames.keys())
        self._added.set()

    async def run(self) -> None:
        """Detect, record, acknowledge: one medium after another, for ever."""
        while True:
            while not self._queue:
                self._added.clear()
                await self._added.wait()
            waiting = self._queue.popleft()
            self._forget(waiting)
            entry = await self._detect(waiting.entry)
            skipped, self._skipped = self._skipped, []
            passed_over = [Skipped(known=w.entry.known) for w in skipped]
            await self._recorder.record([*passed_over, entry])
            self._looked(entry)
            self._session.done([w.delivery for w in (waiting, *skipped)])

    def _skip_oldest(self, cameras: Container[str | None]) -> None:
        oldest = next(waiting for waiting in self._queue if _camera(waiting) in cameras)
        self._queue.remove(oldest)
        self._forget(oldest)
        self._skipped.append(oldest)

    def _forget(self, waiting: Waiting) -> None:
        camera = _camera(waiting)
        if camera is not None:
            self._frames[camera] -= 1
            if not self._frames[camera]:
                del self._frames[camera]

    async def _detect(self, entry: Entry) -> Entry:
        if not (isinstance(entry, Accepted) and isinstance(entry.message, Frame | Clip | DeviceFinding)):
            return entry
        medium = entry.message
        if isinstance(medium, DeviceFinding) and not entry.topic.startswith(NATIVE):
            medium = await self._snapshots.fetched(medium)
        try:
            examined = await self._examine(entry.known, medium)
        except (UnreadableMedia, DetectorError) as error:
            return entry.rejected(str(error))
        concluded = tuple([await self._keep(finding) for finding in examined.findings])
        return replace(entry, concluded=concluded, scores=examined.scores)

    async def _examine(self, known: KnownDevice, medium: Frame | Clip | DeviceFinding) -> Examined:
        device = known.device
        kept = await self._memories.of(known) if isinstance(medium, Frame) else b""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                examined = await self._pool.examine(device.id, device.scene, medium, known.view, kept)
            except WorkerLost as error:
                log.warning("%s over a medium of %s, attempt %d", error, device.id, attempt)
                lost = error
            else:
                if examined.kept is not None:
                    await self._memories.keep(known, examined.kept)
                return examined
        raise lost

    async def _keep(self, finding: Finding) -> Concluded:
        return Concluded(
            finding=finding,
            evidence=tuple([await self._keep_one(evidence) for evidence in finding.evidence]),
        )

    async def _keep_one(self, evidence: Evidence) -> Shown:
        """Write one file. Without room for it the message waits, unacknowledged, until there is."""
        if evidence.url is not None:
            return Shown(media_type=evidence.media_type, url=evidence.url)
        while True:
            try:
                file = await asyncio.to_thread(self._files.put, evidence.content, evidence.media_type)
            except EvidenceError as error:
                log.error("evidence can't be kept, trying again in %.0f s: %s", EVIDENCE_RETRY_S, error)
                await asyncio.sleep(EVIDENCE_RETRY_S)
                continue
            return Shown(media_type=evidence.media_type, file=file, masked=evidence.masked)


def _camera(waiting: Waiting) -> str | None:
    """Return the camera whose frame it is; None for all that is never skipped."""
    entry = waiting.entry
    if isinstance(entry, Accepted) and isinstance(entry.message, Frame):
        return entry.known.device.id
    return None
