"""Run a bridge until it is stopped: its sources, what waits, the way to the broker."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gridwatch.errors import SettingsError, UnreadableMessage
from gridwatch.settings import Settings
from ingest.bridges.cameras import Desk, Vendor, watch
from ingest.bridges.files import Camera, CamerasFile, check_gateway, read_cameras, read_file, with_key
from ingest.bridges.multipart import Part, Parts, boundary_of
from ingest.bridges.publishing import open_spool, run_spooled
from ingest.bridges.web import TooLarge, body_of, check_tls, listen_on, serve


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
