"""`gridwatch api`: the HTTP API and the operator console."""

from typing import Annotated

import typer

from gridwatch.settings import read_settings


def api_command(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
) -> None:
    """Serve the HTTP API and the operator console."""
    from api.serve import serve

    serve(read_settings(http_host=host, http_port=port))
