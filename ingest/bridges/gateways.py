"""Run the ThingsBoard bridge: its file, MQTT and HTTP for devices, tokens checked against our credentials."""

import asyncio
import logging
import ssl
from pathlib import Path

import msgspec
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gridwatch import running
from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import SettingsError, StoreError, StoreUnavailable
from gridwatch.formats import Meaning
from gridwatch.model import check_device_id
from gridwatch.settings import Settings
from gridwatch.store.connection import Store
from gridwatch.store.credentials import Identity, verify_secret
from ingest.bridges.cameras import read_file
from ingest.bridges.connections import serve_mqtt
from ingest.bridges.publisher import Outgoing
from ingest.bridges.running import run_bridge
from ingest.bridges.telemetry import device_telemetry
from ingest.bridges.thingsboard import Rules, ThingsBoard
from ingest.bridges.web import TooLarge, body_of, check_tls, listen_on, serve

log = logging.getLogger(__name__)

ACCESS_CHANGED = "gridwatch_access"
CHECK_EVERY_S = 60.0
"""Tokens are checked again when something was changed, and so often at least."""
AGAIN_AFTER_S = 1.0

ANSWER_WITHIN_S = 20.0
"""For the broker's acknowledgement of what came over HTTP; then the device is told to try again."""


class GatewaysFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The file of the ThingsBoard bridge."""

    listen: str = "127.0.0.1:1884"
    listen_http: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    fields: dict[str, object] = {}
    names: dict[str, dict[str, str]] = {}


_fields = TypeAdapter(dict[str, Meaning])


def read_rules(path: Path, file: GatewaysFile) -> Rules:
    """Return what keys and names mean; raise SettingsError that says which is wrong."""
    try:
        fields = _fields.validate_python(file.fields)
    except ValidationError as error:
        wrong = [f"fields.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"{path}: " + "; ".join(wrong)) from error
    try:
        for names in file.names.values():
            for device in names.values():
                check_device_id(device)
    except ValueError as error:
        raise SettingsError(f"{path}: names: {error}") from error
    return Rules(fields=fields, names=file.names)


async def bridge_thingsboard(settings: Settings, path: Path) -> None:
    """Serve devices and gateways of ThingsBoard until cancelled; raises SettingsError for a wrong file."""
    file = read_file(path, GatewaysFile)
    rules = read_rules(path, file)
    check_tls(str(path), file.tls_certificate, file.tls_key)
    tls = None
    if file.tls_certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(file.tls_certificate, file.tls_key)
    address = BrokerAddress.parse(running.mqtt_url(settings))
    async with Store.open(running.database_url(settings), connections=4) as store:

        async def verify(token: str) -> Identity | None:
            return await verify_secret(store, token)

        board = ThingsBoard(verify, address, rules)
        listening = listen_on(f"{path}: listen", file.listen)
        ways_in = [serve_mqtt(board, listening, tls), _check_tokens(store, board)]
        if file.listen_http is not None:
            web = listen_on(f"{path}: listen_http", file.listen_http)
            ways_in.append(serve(http_app(board), web, certificate=file.tls_certificate, key=file.tls_key))
        await run_bridge(ways_in, [board.publisher.run(), board.say_statuses()], board.statuses_said)


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
            identity = await board.verify(request.path_params["token"])
            if identity is None:
                return Response(status_code=401)
            payload = await body_of(request)
        except StoreError:
            return Response(status_code=503)
        except TooLarge:
            return Response(status_code=413)
        if request.path_params["kind"] == "attributes":
            return Response(status_code=200)
        return await _published(board, device_telemetry(identity.device, payload, board.rules.fields))

    routes = [Route("/api/v1/{token}/{kind}", take, methods=["POST"])]
    return Starlette(routes=routes)


async def _published(board: ThingsBoard, messages: list[Outgoing]) -> Response:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await asyncio.gather(*map(board.publisher.publish, messages))
    except TimeoutError:
        return Response(status_code=503)
    return Response(status_code=200)
