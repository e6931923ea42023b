"""Run a bridge until it is stopped: its sources, what waits, the way to the broker."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gridwatch import running
from gridwatch.broker_address import BrokerAddress
from gridwatch.broker_config import BRIDGE, COLLECTOR, own_users
from gridwatch.errors import SettingsError, UnreadableMessage
from gridwatch.settings import Settings
from ingest.bridges.cameras import Desk, Vendor, watch
from ingest.bridges.files import Camera, CamerasFile, check_gateway, read_cameras, read_file, with_key
from ingest.bridges.multipart import Part, Parts, boundary_of
from ingest.bridges.publisher import Publisher
from ingest.bridges.spool import Spool
from ingest.bridges.web import TooLarge, body_of, check_tls, listen_on, serve

Work = Coroutine[Any, Any, None]

BROKER_FOLDER = "broker"
"""Of the data directory: where the secrets of our own processes are."""

LEAVE_WITHIN_S = 2.0
"""For what still waits when a bridge is told to stop; the rest is published when it starts again."""


def broker_address(settings: Settings) -> BrokerAddress:
    """Return the broker's address as a bridge reaches it; raise SettingsError.

    Beside a running `up` that meets devices a bridge is a user of its own, who may less than a collector.
    """
    address = BrokerAddress.parse(running.mqtt_url(settings))
    if settings.mqtt_url is not None or address.username != COLLECTOR:
        return address
    secret = own_users(settings.data_dir / BROKER_FOLDER)[BRIDGE].secret
    return replace(address, username=BRIDGE, password=secret)


def open_spool(settings: Settings, name: str, path: Path) -> Spool:
    """Open what waits for a bridge of this name with this file; raises SettingsError."""
    return Spool(settings.data_dir / "bridge" / f"{name}-{path.stem}.sqlite")


async def run_bridge(
    publisher: Publisher,
    ways_in: Sequence[Work],
    way_out: Work,
    emptied: Callable[[], Awaitable[object]],
) -> None:
    """Run the ways in and out until cancelled; `emptied` waits until nothing waits for the broker."""
    async with asyncio.TaskGroup() as out:
        publishing = [
            out.create_task(publisher.run(), name="publisher"),
            out.create_task(way_out, name="way out"),
        ]
        try:
            async with asyncio.TaskGroup() as into:
                for number, work in enumerate(ways_in):
                    into.create_task(work, name=f"way in {number}")
        finally:
            with suppress(TimeoutError, aiomqtt.MqttError):
                async with asyncio.timeout(LEAVE_WITHIN_S):
                    await emptied()
                    await publisher.leave()
            for task in publishing:
                task.cancel()


async def run_spooled(
    settings: Settings, spool: Spool, ways_in: Sequence[Work], *, gateway: str | None
) -> None:
    """Run what puts messages into a spool, and publish them, until cancelled."""
    publisher = Publisher(broker_address(settings), gateway=gateway)
    try:
        await run_bridge(publisher, ways_in, spool.drain(publisher), spool.emptied)
    finally:
        spool.close()


async def bridge_cameras(settings: Settings, vendor: Vendor, path: Path) -> None:
    """Pass on what cameras judge, until cancelled; raises SettingsError for a wrong file."""
    file = read_file(path, CamerasFile)
    cameras = read_cameras(vendor.name, path, file)
    pushing = [camera for camera in cameras if camera.push_key is not None]
    if bool(pushing) != (file.listen is not None):
        raise SettingsError(f"{path}: `listen` and a camera's `push_key_env` or _file go together")
    check_gateway(str(path), file.gateway)
    check_tls(str(path), file.tls_certificate, file.tls_key)
    desk = Desk(vendor, open_spool(settings, vendor.name, path))
    sources = [
        watch(desk, camera) for camera in cameras if camera.url is not None and camera.push_key is None
    ]
    if file.listen is not None:
        listening = listen_on(str(path), file.listen)
        sources.append(
            serve(push_app(desk, pushing), listening, certificate=file.tls_certificate, key=file.tls_key)
        )
    await run_spooled(settings, desk.spool, sources, gateway=file.gateway)


def push_app(desk: Desk, cameras: list[Camera]) -> Starlette:
    """Return what takes pushed events: `POST /{key}`, answered once they are kept on disk."""

    async def take(request: Request) -> Response:
        camera = with_key(cameras, request.path_params["key"])
        if camera is None:
            return Response(status_code=404)
        try:
            body = await body_of(request)
            parts = _parts(request.headers.get("content-type", ""), body)
        except TooLarge:
            return Response(status_code=413)
        except UnreadableMessage:
            return Response(status_code=400)
        reader = desk.vendor.reader()
        for part in parts:
            await desk.read(camera, reader, part)
        for judgement in reader.flush():
            await desk.take(camera, judgement, None)
        return Response(status_code=200)

    return Starlette(routes=[Route("/{key}", take, methods=["POST"])])


def _parts(content_type: str, body: bytes) -> list[Part]:
    if content_type.lower().startswith("multipart/"):
        return Parts(boundary_of(content_type)).feed(body, last=True)
    return [Part(headers={}, body=body)]
