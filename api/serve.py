"""Run the HTTP server until it is told to stop."""

import socket

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from gridwatch.errors import SettingsError
from gridwatch.open_files import allow_many_files
from gridwatch.settings import Settings, check_plain_http

STOP_WITHIN_S = 2
"""For requests under way when the server stops; live streams are ended at once."""

WAITING_CONNECTIONS = 2048
"""Connections that the kernel keeps until they are accepted: all phones come back at once after a restart."""


class Server(uvicorn.Server):
    """A server that ends its live streams before it waits for its connections."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the live streams, then all else."""
        self._app.state.office.feed.close("the server stops; connect again")
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve the API and the console until SIGINT or SIGTERM.

    Raises SettingsError where the address can't be had, or others would reach it without TLS. The database
    has the newest tables already.
    """
    check_plain_http(settings)
    allow_many_files()
    with _listen(settings.http_host, settings.http_port) as listening:
        app = create_app(settings)
        new_server(app, settings).run(sockets=[listening])


def new_server(app: FastAPI, settings: Settings) -> Server:
    """Return a server; who asks is taken from what proxies say only where the settings trust them."""
    trusted = list(settings.trusted_proxies)
    config = uvicorn.Config(
        app,
        port=settings.http_port,
        log_level="warning",
        timeout_graceful_shutdown=STOP_WITHIN_S,
        lifespan="on",
        backlog=WAITING_CONNECTIONS,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=trusted,
    )
    return Server(app, config)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise SettingsError(
            f"can't listen on {host} port {port} ({error}): set GRIDWATCH_HTTP_PORT or GRIDWATCH_HTTP_HOST"
        ) from error
    return listening
