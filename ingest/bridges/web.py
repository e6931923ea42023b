"""The HTTP side of bridges: where cameras and platforms push to us."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

from gridwatch.errors import SettingsError

log = logging.getLogger(__name__)

MOST_BODY_BYTES = 16 * 2**20
BODY_WITHIN_S = 30.0
STOP_WITHIN_S = 2
MOST_CONNECTIONS = 256


class TooLarge(Exception):
    """A body of more than MOST_BODY_BYTES, or one that does not end in time."""


async def body_of(request: Request) -> bytes:
    """Return a request's body; raises TooLarge before more memory is taken than a push may have."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BODY_BYTES:
                    raise TooLarge
    except TimeoutError as error:
        raise TooLarge from error
    return bytes(body)


def listen_on(where: str, address: str) -> socket.socket:
    """Return a bound socket for `host:port`; raise SettingsError."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise SettingsError(f"{where}: listen = {address!r}: write host:port")
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, int(port)))
    except OSError as error:
        listening.close()
        raise SettingsError(f"{where}: can't listen on {address}: {error}") from error
    log.info("listening on %s", address)
    return listening


class _Server(uvicorn.Server):
    """Leaves signals to the command."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(
    app: Starlette, listening: socket.socket, *, certificate: str | None = None, key: str | None = None
) -> None:
    """Serve until cancelled. Requests are never logged: their paths carry keys."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        server_header=False,
        h11_max_incomplete_event_size=16_384,
    )
    server = _Server(config)
    server.config.load()
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="http")
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving


def check_tls(where: str, certificate: str | None, key: str | None) -> None:
    """Raise SettingsError unless both of certificate and key are there, or none is named."""
    if (certificate is None) != (key is None):
        raise SettingsError(f"{where}: give both tls_certificate and tls_key, or none")
    for file in (certificate, key):
        if file is not None and not Path(file).is_file():
            raise SettingsError(f"{where}: there is no file {file}")
