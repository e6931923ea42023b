"""Ways to people and to other systems: their secrets can be read here, and their servers can be reached."""

import asyncio
import contextlib
from urllib.parse import urlsplit

from gridwatch.cli.doctor.check import Check, fail, ok, warn
from gridwatch.errors import SettingsError
from gridwatch.services import Others, Service
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.channels import ServiceState, find_service, list_channels, list_services
from gridwatch.store.webhooks import list_webhooks
from gridwatch.strongbox import KEY_FILE, Strongbox

CONNECT_WITHIN_S = 5.0


def check_outside(settings: Settings) -> list[Check]:
    """Look at how the API is reached; nothing where only this machine reaches it."""
    if not settings.link_base.startswith("https://"):
        return []
    if not settings.trusted_proxies:
        found = "GRIDWATCH_PUBLIC_URL is behind a proxy, and GRIDWATCH_TRUSTED_PROXIES names none"
        todo = "name it (127.0.0.1 for nginx on this machine): everybody is one address to the API"
        return [warn("proxy", found, todo)]
    return [ok("proxy", f"believed are {', '.join(settings.trusted_proxies)}")]


async def check_channels(store: Store, settings: Settings) -> list[Check]:
    """Look at services and receivers; the key is compared with what the API and the dispatcher locked."""
    box = Strongbox(settings.data_dir)
    states = await list_services(store)
    checks = [await _service(store, box, state) for state in states]
    try:
        await list_channels(store, box)
    except SettingsError as error:
        checks.append(_unreadable("addresses of people", error))
    for webhook in await list_webhooks(store):
        name = f"webhook {webhook.name}"
        if webhook.failing_since is not None or webhook.dead:
            found = f"{webhook.waiting} messages wait, {webhook.dead} are put aside: {webhook.last_error}"
            checks.append(warn(name, found, "mend it, then POST /api/v1/webhooks/NAME/replay"))
        else:
            checks.append(ok(name, "takes what it is told"))
    return checks


async def _service(store: Store, box: Strongbox, state: ServiceState) -> Check:
    name = f"channel {state.name}"
    try:
        service = await find_service(store, box, state.name)
    except SettingsError as error:
        return _unreadable(name, error)
    if state.bad_credential:
        todo = f"gridwatch channels service {state.name} FILE with a new secret"
        return fail(name, f"its secret is wrong or has expired: {state.last_error}", todo)
    if state.failing_since is not None:
        return warn(
            name, f"has failed since {state.failing_since:%H:%M}: {state.last_error}", "ask its maker"
        )
    if service is not None and (why := await _out_of_reach(service)):
        return warn(name, why, "let this machine reach it: name server, firewall, proxy")
    return ok(name, "its secret can be read, and its server answers" if _base(service) else "can be read")


def _unreadable(name: str, error: SettingsError) -> Check:
    todo = f"API, dispatcher and this command need the same {KEY_FILE}: put that one into the data directory"
    return fail(name, str(error), todo)


def _base(service: Service | None) -> str | None:
    return None if service is None or isinstance(service, Others) else service.base


async def _out_of_reach(service: Service) -> str | None:
    """Return why a service's server can't be reached; None where it can, or is not known to us."""
    base = _base(service)
    if base is None:
        return None
    parts = urlsplit(base)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError) as error:
        return f"{parts.hostname} port {port} can't be reached ({type(error).__name__})"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return None
