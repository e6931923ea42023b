"""Cameras that judge by themselves: their streams are read, and what they say becomes findings."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import httpx

from gridwatch.errors import GridwatchError, UnreadableMessage
from gridwatch.wire import topic_of
from ingest.bridges.files import Camera
from ingest.bridges.judgement import Episodes, Judgement, finding_of, label_of
from ingest.bridges.multipart import Part, Parts, boundary_of
from ingest.bridges.publisher import Outgoing, status_of
from ingest.bridges.spool import Spool

log = logging.getLogger(__name__)

BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Between attempts to reach a camera; the last one stays."""

LASTING_S = 60.0
"""A stream that lasted so long had been all right."""

REFUSED_BACK_OFF_S = 300.0
"""After a wrong password: cameras lock an account after some attempts."""

CONNECT_WITHIN_S = 10.0
SNAPSHOT_WITHIN_S = 3.0
"""A finding does not wait longer for its picture."""
MOST_SNAPSHOT_BYTES = 8 * 2**20

MOST_UNKNOWN = 1000
"""Kinds and channels that are said to be passed over: a camera has some dozen."""


class CameraRefused(GridwatchError):
    """A camera does not accept the user name and password."""


class CameraAway(GridwatchError):
    """A camera can't be reached, or its stream has ended."""


class Vendor(Protocol):
    """How a vendor's cameras are asked, and how their words are read."""

    name: str
    stream_path: str
    silence_s: float
    """So long without a word, a heartbeat included, the stream is taken for dead."""

    def snapshot_path(self, channel: str) -> str:
        """Return where a picture of a channel is."""

    def reader(self) -> "Reader":
        """Return a reader of one stream's parts."""


class Reader(Protocol):
    """Reads one stream's parts in their order, and remembers an event whose pictures have yet to come."""

    def read(self, part: Part) -> list[Judgement]:
        """Return what is whole with this part; raises UnreadableMessage."""

    def flush(self) -> list[Judgement]:
        """Return what waits for pictures, without them."""


class Desk:
    """Where what cameras judge becomes findings: folded, with its picture, kept until published."""

    def __init__(self, vendor: Vendor, spool: Spool) -> None:
        self.vendor = vendor
        self.spool = spool
        self._episodes = Episodes()
        self._unknown: set[tuple[str, str]] = set()

    async def take(self, camera: Camera, judgement: Judgement, client: httpx.AsyncClient | None) -> None:
        """Pass on what a judgement adds to what was told."""
        device = camera.device_of(judgement.channel)
        label = label_of(judgement, camera.labels)
        if device is None or label is None:
            self._say_once(camera, judgement, device)
            return
        report = self._episodes.follow(device, judgement, datetime.now(UTC))
        if report is None:
            return
        if report.is_new and not judgement.pictures and camera.snapshot and client is not None:
            picture = await snapshot(client, self.vendor.snapshot_path(judgement.channel), camera)
            judgement = replace(judgement, pictures=() if picture is None else (picture,))
        self.spool.put(finding_of(self.vendor.name, device, label, judgement, report))

    async def read(
        self, camera: Camera, reader: Reader, part: Part, client: httpx.AsyncClient | None = None
    ) -> None:
        """Pass on what one part brings. What can't be read goes as it is: the collector quarantines it."""
        try:
            judgements = reader.read(part)
        except UnreadableMessage as error:
            log.warning("%s: %s; it goes to quarantine", camera.name, error)
            self.spool.put(Outgoing(topic=topic_of(camera.devices[0], "finding"), payload=part.body))
            return
        for judgement in judgements:
            await self.take(camera, judgement, client)

    def _say_once(self, camera: Camera, judgement: Judgement, device: str | None) -> None:
        """Say once what is not passed on."""
        about = (judgement.channel if device is None else "", judgement.kind)
        if not judgement.active or about in self._unknown or len(self._unknown) >= MOST_UNKNOWN:
            return
        self._unknown.add(about)
        why = "no label is known for it" if device else f"channel {judgement.channel!r} is no device"
        log.info("%s: %r is not passed on: %s", camera.name, judgement.kind, why)


async def snapshot(client: httpx.AsyncClient, path: str, camera: Camera) -> bytes | None:
    """Return what the camera sees now; None where it does not say so in time."""
    try:
        async with asyncio.timeout(SNAPSHOT_WITHIN_S):
            async with client.stream("GET", path) as response:
                response.raise_for_status()
                picture = b""
                async for piece in response.aiter_bytes():
                    picture += piece
                    if len(picture) > MOST_SNAPSHOT_BYTES:
                        return None
                return picture
    except (httpx.HTTPError, TimeoutError) as error:
        log.warning("%s: no picture: %s", camera.name, type(error).__name__)
        return None


@asynccontextmanager
async def client_of(camera: Camera, silence_s: float) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client for one camera; a stream that is silent for `silence_s` is taken for dead."""
    async with httpx.AsyncClient(
        base_url=camera.url or "",
        auth=httpx.DigestAuth(camera.username, camera.password),
        timeout=httpx.Timeout(CONNECT_WITHIN_S, read=silence_s),
        verify=camera.tls,
        trust_env=False,
    ) as client:
        yield client


async def watch(desk: Desk, camera: Camera) -> None:
    """Read a camera's stream for ever; connect again, ever less often, whenever it breaks."""
    failures = 0
    while True:
        began = asyncio.get_running_loop().time()
        trouble = await _until_it_breaks(desk, camera)
        if asyncio.get_running_loop().time() - began > LASTING_S:
            failures = 0
        # Only what is new: a camera without power would fill the log.
        log.log(logging.DEBUG if failures else logging.WARNING, "%s: %s", camera.name, trouble)
        refused = isinstance(trouble, CameraRefused)
        await asyncio.sleep(REFUSED_BACK_OFF_S if refused else BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)])
        failures += 1


async def _until_it_breaks(desk: Desk, camera: Camera) -> GridwatchError:
    """Read a camera's stream; return why it ended."""
    try:
        async with client_of(camera, desk.vendor.silence_s) as client:
            await _read_stream(desk, camera, client)
    except (CameraRefused, CameraAway, UnreadableMessage) as error:
        return error
    return CameraAway("the camera ended its stream")


async def _read_stream(desk: Desk, camera: Camera, client: httpx.AsyncClient) -> None:
    """Pass on what the stream brings to its end; raises CameraAway, or CameraRefused for a wrong password."""
    online, reader = False, desk.vendor.reader()
    try:
        async with client.stream("GET", desk.vendor.stream_path) as response:
            if response.status_code in (401, 403):
                raise CameraRefused("the camera refuses the user name or password")
            if response.status_code != httpx.codes.OK:
                raise CameraAway(f"the camera answers with status {response.status_code}")
            parts = Parts(boundary_of(response.headers.get("content-type", "")))
            log.info("%s: the camera's stream of events is open", camera.name)
            online = _say_status(desk, camera, online=True)
            async for data in response.aiter_bytes():
                for part in parts.feed(data):
                    await desk.read(camera, reader, part, client)
    except httpx.HTTPError as error:
        raise CameraAway(f"the camera can't be reached ({type(error).__name__})") from error
    finally:
        for judgement in reader.flush():
            await desk.take(camera, judgement, None)
        if online:
            _say_status(desk, camera, online=False)


def _say_status(desk: Desk, camera: Camera, *, online: bool) -> bool:
    desk.spool.put(*(status_of(device, online=online) for device in camera.devices))
    return online
