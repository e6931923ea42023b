"""Recordings go out at their own speed or faster."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from gridwatch.errors import UnreadableMedia
from simulators.publication import Publication
from simulators.publishing import Publisher
from simulators.recordings import Recording, publications, raw_publication


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast time goes by: `speed` seconds of content in each second; 0 is as fast as possible."""

    speed: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.speed < float("inf"):
            raise ValueError(f"speed {self.speed}: a number from 0 (as fast as possible)")

    def real(self, content: timedelta) -> timedelta:
        """Return how long some content takes."""
        return content / self.speed if self.speed else timedelta()

    def start(self, recordings: Sequence[Recording], now: datetime) -> datetime:
        """Return the content's time at the beginning: none of it lies in the future when it is sent."""
        content = sum((recording.duration for recording in recordings), timedelta())
        return min(now, now + self.real(content) - content)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one recording: so many messages, and why there are not more."""

    recording: Recording
    messages: int
    trouble: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How recordings are published; `fps` holds for videos that become frames."""

    device: str
    pace: Pace
    fps: float
    raw: bool
    """Whether what can't be read is published as it is."""


Told: TypeAlias = Callable[[Outcome], None]


async def replay(
    recordings: Sequence[Recording],
    publisher: Publisher,
    manner: Manner,
    *,
    start: datetime,
    tell: Told,
) -> None:
    """Publish recordings one after another and tell what became of each.

    Raises BrokerError when the broker does not acknowledge.
    """
    loop = asyncio.get_running_loop()
    began, begins = loop.time(), start
    for recording in recordings:
        sent, trouble = 0, None
        messages = publications(recording, manner.device, begins, fps=manner.fps)
        try:
            while (publication := await asyncio.to_thread(next, messages, None)) is not None:
                due = began + manner.pace.real(publication.at - start).total_seconds()
                await _send(publisher, publication, due)
                sent += 1
        except UnreadableMedia as error:
            trouble = str(error)
            if manner.raw and sent == 0:
                await publisher.publish(raw_publication(recording, manner.device, begins))
                sent = 1
        begins += recording.duration
        tell(Outcome(recording=recording, messages=sent, trouble=trouble))
    await publisher.drain()


async def _send(publisher: Publisher, publication: Publication, due_s: float) -> None:
    await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
    await publisher.publish(publication)
