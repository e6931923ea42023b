"""Run the bridge that platforms push to: its file, its address, and what becomes of each body."""

import hmac
import logging
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gridwatch.errors import SettingsError
from gridwatch.model import check_device_id
from gridwatch.settings import Settings
from ingest.bridges.files import check_gateway, check_key, read_secret
from ingest.bridges.json_text import read_json
from ingest.bridges.publishing import open_spool, run_spooled
from ingest.bridges.push import Conditions, MessageRule, fits, read_push
from ingest.bridges.spool import Spool
from ingest.bridges.telemetry import unread
from ingest.bridges.web import TooLarge, body_of, check_tls, listen_on, serve

log = logging.getLogger(__name__)

MOST_ECHO = 200
"""Characters of OneNET's question whether this address is ours."""


class PlatformFile(BaseModel):
    """The file of the bridge that platforms push to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: str
    gateway: str | None = None
    key_env: str | None = None
    key_file: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    message: Sequence[MessageRule]
    ignore: Sequence[Conditions] = ()


def read_platform(path: Path) -> PlatformFile:
    """Read the file; raise SettingsError: file, key, why."""
    try:
        return PlatformFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"{path}: " + "; ".join(wrong)) from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error


async def bridge_http(settings: Settings, path: Path) -> None:
    """Take what a platform pushes until cancelled; raises SettingsError for a wrong file."""
    file = read_platform(path)
    key = check_key(f"{path}: key", read_secret(f"{path}: key", file.key_env, file.key_file))
    if key is None:
        raise SettingsError(f"{path}: give `key_env` or `key_file`: the key that the platform pushes with")
    try:
        name = check_device_id(f"http-{path.stem}")
    except ValueError as error:
        raise SettingsError(f"{path}: name the file with letters, digits and - alone") from error
    check_gateway(str(path), file.gateway)
    check_tls(str(path), file.tls_certificate, file.tls_key)
    listening = listen_on(str(path), file.listen)
    spool = open_spool(settings, "http", path)
    app = platform_app(file, key, name, spool)
    serving = serve(app, listening, certificate=file.tls_certificate, key=file.tls_key)
    await run_spooled(settings, spool, [serving], gateway=file.gateway)


def platform_app(file: PlatformFile, key: str, name: str, spool: Spool) -> Starlette:
    """Return what takes pushes: `POST /{key}`, answered once what it became is kept on disk.

    Carriers' platforms push again only a few times, and stop for a while at whoever refuses: so what can't be
    read is taken too, for quarantine.
    """

    def knows(request: Request) -> bool:
        return hmac.compare_digest(key.encode(), request.path_params["key"].encode("utf-8", "replace"))

    async def take(request: Request) -> Response:
        if not knows(request):
            return Response(status_code=404)
        try:
            payload = await body_of(request)
        except TooLarge:
            return Response(status_code=413)
        try:
            spool.put(*read_push(payload, file.message, f"http/{name}"))
        except ValueError as error:
            if not _ignored(payload, file):
                # The rest of the sentence may be what was sent.
                log.warning("%s: a message goes to quarantine: %s", name, str(error).partition(":")[0])
                spool.put(unread(name, payload))
        return Response(status_code=200)

    async def answer(request: Request) -> Response:
        """Answer OneNET's question whether this address is ours, which is asked once."""
        said = request.query_params.get("msg", "")
        if not knows(request) or len(said) > MOST_ECHO:
            return Response(status_code=404)
        return PlainTextResponse(said, headers={"X-Content-Type-Options": "nosniff"})

    return Starlette(
        routes=[Route("/{key}", take, methods=["POST"]), Route("/{key}", answer, methods=["GET"])]
    )


def _ignored(payload: bytes, file: PlatformFile) -> bool:
    try:
        body = read_json(payload)
    except ValueError:
        return False
    return any(fits(body, conditions) for conditions in file.ignore)
