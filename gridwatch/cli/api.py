"""`gridwatch api`: the HTTP API and the operator console."""

import logging
from typing import Annotated

import typer

from gridwatch.cli.database import migrate_if_wanted
from gridwatch.settings import read_settings


def api_command(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
) -> None:
    """Serve the HTTP API and the operator console."""
    from api.serve import serve

    settings = read_settings(http_host=host, http_port=port)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    migrate_if_wanted(settings)
    serve(settings)
