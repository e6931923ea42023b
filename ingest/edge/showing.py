"""Clips of what was found, from before it began until after its end: they follow the finding as an update."""

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import cv2
import numpy as np

from gridwatch.drawing import clip, composite
from gridwatch.media import encode_mp4, read_video
from gridwatch.model import Evidence, Finding, Picture
from gridwatch.wire import encode_finding, topic_of
from ingest.bridges.publisher import Outgoing
from ingest.edge.cameras import EdgeCamera
from ingest.edge.clock import EPOCH
from ingest.edge.encoded import Encoded, decoded
from ingest.examine import EVIDENCE_MARGIN, pictures_of

log = logging.getLogger(__name__)

MOST_WAITING = 8
"""Clips that are yet to be made, of all cameras; their pictures lie in memory, encoded. Who throws a bag of
rubbish makes one finding, not eight."""

MOST_SHOWN = timedelta(seconds=20)
"""Of one finding. A fire is shown as it began."""

MOST_BYTES = 12 * 2**20
"""Of a clip. With base64 and the originals it is far below the 64 MiB that our brokers take."""

POLITE = 10
"""Added to the niceness of the thread: judging comes first."""

Tell = Callable[[Outgoing], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A finding whose clip is to be made of what was `kept`."""

    camera: EdgeCamera
    finding: Finding
    kept: Sequence[Encoded]


def shown_from(finding: Finding) -> datetime:
    """Return when the clip of a finding begins."""
    return (finding.started_at or finding.observed_at) - EVIDENCE_MARGIN


def shown_until(finding: Finding) -> datetime:
    """Return when the clip of a finding ends."""
    ended_at = (finding.ended_at or finding.observed_at) + EVIDENCE_MARGIN
    return min(ended_at, shown_from(finding) + MOST_SHOWN)


class Showing:
    """A thread that makes clips, one after another."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._wanted: queue.Queue[Wanted] = queue.Queue(MOST_WAITING)

    def ask(self, wanted: Wanted, *, waits: bool) -> None:
        """Let a clip be made; without `waits` one too many is left out, and said."""
        try:
            self._wanted.put(wanted, block=waits)
        except queue.Full:
            log.warning(
                "%s: no clip of %s: %d others are being made",
                wanted.camera.device,
                wanted.finding.label,
                MOST_WAITING,
            )

    def run(self) -> None:
        """Make clips for ever."""
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), POLITE)
        while True:
            wanted = self._wanted.get()
            try:
                self._show(wanted)
            finally:
                self._wanted.task_done()

    def finish(self) -> None:
        """Wait until every clip is made."""
        self._wanted.join()

    def _show(self, wanted: Wanted) -> None:
        device, finding = wanted.camera.device, wanted.finding
        try:
            shown = with_clip(wanted)
        except Exception as error:  # noqa: BLE001 - a fault over one clip must not end the making of others
            log.warning("%s: no clip of %s: %s: %s", device, finding.label, type(error).__name__, error)
            return
        self._tell(finding_message(device, shown))


def with_clip(wanted: Wanted) -> Finding:
    """Return the finding with its clip; raises ValueError where no picture of it is left.

    `criteria` say how long the clip is. That also makes it an update: one that says nothing new is none.
    """
    finding = wanted.finding
    first, last = shown_from(finding), shown_until(finding)
    moments = [encoded.at for encoded in wanted.kept if first <= encoded.at <= last]
    if not moments:
        raise ValueError("none of its pictures was kept")
    view = wanted.camera.view
    masked, original = pictures_of(composite(_pictures(wanted), finding), finding, view)
    drawn = _small_enough(clip(_pictures(wanted), finding, masked=True, view=view))
    evidence = [masked, Evidence(media_type="video/mp4", content=drawn, masked=True)]
    if wanted.camera.originals:
        content = _small_enough(encode_mp4(_pictures(wanted)))
        evidence += [original, Evidence(media_type="video/mp4", content=content)]
    length_s = (max(moments) - min(moments)).total_seconds()
    return replace(
        finding, evidence=tuple(evidence), criteria={**finding.criteria, "clip_s": round(length_s, 1)}
    )


def _pictures(wanted: Wanted) -> Iterator[Picture]:
    """Decode anew whenever they are needed: a clip's pictures would take a gigabyte."""
    finding = wanted.finding
    return decoded(wanted.kept, first=shown_from(finding), last=shown_until(finding))


def _small_enough(video: bytes) -> bytes:
    """Return a video, at half its size or a quarter of it where it is too large for one message."""
    while len(video) > MOST_BYTES:
        video = encode_mp4(_halved(video))
    return video


def _halved(video: bytes) -> Iterator[Picture]:
    for picture in read_video(video, start=EPOCH):
        pixels = cv2.resize(picture.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        yield Picture(pixels=pixels.astype(np.uint8, copy=False), at=picture.at)


def finding_message(device: str, finding: Finding) -> Outgoing:
    """Return the message that tells a finding."""
    return Outgoing(topic=topic_of(device, "finding"), payload=encode_finding(finding))
