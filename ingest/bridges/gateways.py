"""Run the ThingsBoard bridge: its file, MQTT and HTTP for devices, tokens checked against our credentials."""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import msgspec
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gridwatch import running
from gridwatch.errors import SettingsError, StoreError, StoreUnavailable
from gridwatch.formats import Meaning
from gridwatch.settings import Settings
from gridwatch.store.connection import Store
from gridwatch.store.credentials import Identity, verify_secret
from gridwatch.store.devices import devices_behind
from ingest.bridges.connections import serve_mqtt
from ingest.bridges.files import check_gateway, read_file
from ingest.bridges.publisher import Outgoing
from ingest.bridges.publishing import broker_address, run_bridge
from ingest.bridges.telemetry import Fields, device_telemetry
from ingest.bridges.thingsboard import ThingsBoard
from ingest.bridges.web import TooLarge, body_of, check_tls, listen_on, serve

log = logging.getLogger(__name__)

ACCESS_CHANGED = "gridwatch_access"
CHECK_EVERY_S = 60.0
"""Tokens are checked again when something was changed, and so often at least."""
AGAIN_AFTER_S = 1.0

SYSTEM = "thingsboard:"
"""What sources of devices behind ThingsBoard's gateways begin with; %20 in them is a blank."""

ANSWER_WITHIN_S = 20.0
"""For the broker's acknowledgement of what came over HTTP; then the device is told to try again."""


class GatewaysFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The file of the ThingsBoard bridge."""

    listen: str = "127.0.0.1:1884"
    listen_http: str | None = None
    gateway: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    fields: dict[str, object] = {}


_fields = TypeAdapter(dict[str, Meaning])


def read_fields(path: Path, file: GatewaysFile) -> Fields:
    """Return what keys mean; raise SettingsError that says which is wrong."""
    try:
        return _fields.validate_python(file.fields)
    except ValidationError as error:
        wrong = [f"fields.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"{path}: " + "; ".join(wrong)) from error


class Registered:
    """Tokens and names as the database has them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def verify(self, token: str) -> Identity | None:
        """Return whose token it is; raises StoreError."""
        return await verify_secret(self._store, token)

    async def names(self, gateway: str) -> Mapping[str, str]:
        """Return the devices that speak through a gateway, by id and by source; raises StoreError."""
        behind = await devices_behind(self._store, gateway)
        named = {
            unquote(source.removeprefix(SYSTEM)): device
            for device, source in behind.items()
            if source is not None and source.startswith(SYSTEM)
        }
        return {device: device for device in behind} | named


async def bridge_thingsboard(settings: Settings, path: Path) -> None:
    """Serve devices and gateways of ThingsBoard until cancelled; raises SettingsError for a wrong file."""
    file = read_file(path, GatewaysFile)
    fields = read_fields(path, file)
    check_gateway(str(path), file.gateway)
    check_tls(str(path), file.tls_certificate, file.tls_key)
    tls = None
    if file.tls_certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(file.tls_certificate, file.tls_key)
    address = broker_address(settings)
    async with Store.open(running.database_url(settings), connections=4) as store:
        board = ThingsBoard(Registered(store), address, fields, gateway=file.gateway)
        listening = listen_on(f"{path}: listen", file.listen)
        ways_in = [serve_mqtt(board, listening, tls), _check_tokens(store, board)]
        if file.listen_http is not None:
            web = listen_on(f"{path}: listen_http", file.listen_http)
            ways_in.append(serve(http_app(board), web, certificate=file.tls_certificate, key=file.tls_key))
        await run_bridge(board.publisher, ways_in, board.say_statuses(), board.statuses_said)


async def _check_tokens(store: Store, board: ThingsBoard) -> None:
    """End connections whose token was revoked, as soon as that is told; lives through outages."""
    while True:
        try:
            async for _ in store.listen(ACCESS_CHANGED, wait_s=CHECK_EVERY_S):
                await board.check_all()
        except StoreUnavailable as error:
            log.warning("the database is away: %s", error)
            await asyncio.sleep(AGAIN_AFTER_S)


def http_app(board: ThingsBoard) -> Starlette:
    """Return ThingsBoard's HTTP device API, as far as devices send: telemetry; attributes are not kept."""

    async def take(request: Request) -> Response:
        try:
            identity = await board.credentials.verify(request.path_params["token"])
            if identity is None:
                return Response(status_code=401)
            payload = await body_of(request)
        except StoreError:
            return Response(status_code=503)
        except TooLarge:
            return Response(status_code=413)
        if request.path_params["kind"] == "attributes":
            return Response(status_code=200)
        return await _published(board, device_telemetry(identity.device, payload, board.fields))

    routes = [Route("/api/v1/{token}/{kind}", take, methods=["POST"])]
    return Starlette(routes=routes)


async def _published(board: ThingsBoard, messages: list[Outgoing]) -> Response:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await asyncio.gather(*map(board.publisher.publish, messages))
    except TimeoutError:
        return Response(status_code=503)
    return Response(status_code=200)
