"""The parts of an installation: how each is run and how it is seen to work."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gridwatch.cli.up.broker import (
    amqtt_command,
    find_mosquitto,
    mosquitto_command,
    write_amqtt_configuration,
    write_mosquitto_configuration,
)
from gridwatch.cli.up.leftovers import MARK, stop_postgres
from gridwatch.cli.up.part import Part, StopOrder
from gridwatch.cli.up.ports import accepts
from gridwatch.cli.up.postgres import EmbeddedPostgres
from gridwatch.cli.up.readiness import ask_readiness
from gridwatch.errors import SettingsError
from gridwatch.settings import Settings

PASSWORD_VARIABLE = "GRIDWATCH_ADMIN_PASSWORD"  # noqa: S105 - its name

SYSTEM_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
"""All that a program needs that is not ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Servers:
    """The addresses that the parts of ours get."""

    database_url: str
    mqtt_url: str


def database_part(settings: Settings, database: EmbeddedPostgres) -> Part:
    """Return the embedded PostgreSQL."""

    async def ready(pid: int) -> bool:
        return database.serves(pid)

    return Part(
        name="database",
        command=database.command(),
        # Without the mark: SIGTERM would let it wait for its clients; it is found by its own note.
        environment=SYSTEM_ENVIRONMENT,
        ready=ready,
        order=StopOrder.SERVERS,
        # "Fast": it ends its sessions instead of waiting for them.
        stop_signal=signal.SIGINT,
        account=database.account,
        folder=database.folder,
        before=lambda: stop_postgres(database),
    )


def broker_part(settings: Settings) -> Part:
    """Return Mosquitto, or amqtt where it is not installed."""
    program = find_mosquitto()
    folder = settings.data_dir / "broker"
    port = settings.mqtt_port
    if settings.meets_devices:
        command = mosquitto_command(_needed(program), _guarded(settings, folder))
    elif program is None:
        command = amqtt_command(write_amqtt_configuration(folder, port=port))
    else:
        command = mosquitto_command(program, write_mosquitto_configuration(folder, port=port))

    async def ready(_pid: int) -> bool:
        return await asyncio.to_thread(accepts, "127.0.0.1", port)

    return Part(
        name="broker",
        command=command,
        environment=bare_environment(settings),
        ready=ready,
        order=StopOrder.SERVERS,
        folder=folder,
    )


def _needed(program: Path | None) -> Path:
    """Return Mosquitto. Raises SettingsError where it is not installed."""
    if program is None:
        raise SettingsError(
            "GRIDWATCH_MQTT_HOST: only Mosquitto can refuse strangers, and it is not installed: `make setup` "
            "installs it or says how; without it stay on loopback (amqtt lets everybody do everything)"
        )
    return program


def _guarded(settings: Settings, folder: Path) -> Path:
    """Write the configuration of a broker that strangers reach; its library costs others time to start."""
    from gridwatch.broker_config import as_ourselves
    from gridwatch.cli.guarded_broker import write_guarded

    return write_guarded(settings, folder, options=as_ourselves())


def door_part(settings: Settings, servers: Servers) -> Part:
    """Return the process that says to the broker who may come in."""
    command = ["broker-config", "--follow", "--may-restart"]
    return _ours("doorkeeper", command, our_environment(settings, servers), _alive)


def collector_part(settings: Settings, servers: Servers) -> Part:
    """Return one collector with its detectors; it works when the API counts it."""

    async def ready(_pid: int) -> bool:
        said = await ask_readiness(settings.http_host, settings.http_port)
        return said is not None and said.ready and said.collectors >= 1

    return _ours("collector", ["ingest"], our_environment(settings, servers), ready)


def api_part(settings: Settings, servers: Servers, *, first_password: str | None) -> Part:
    """Return the API with the console; `first_password` is the administrator's that it makes."""

    async def ready(_pid: int) -> bool:
        return await ask_readiness(settings.http_host, settings.http_port) is not None

    environment = our_environment(settings, servers)
    if first_password is not None:
        environment[PASSWORD_VARIABLE] = first_password
    elif settings.admin_password is not None:
        environment[PASSWORD_VARIABLE] = settings.admin_password.get_secret_value()
    return _ours("api", ["api"], environment, ready)


def dispatch_part(settings: Settings, servers: Servers) -> Part:
    """Return the process that tells people."""
    return _ours("dispatch", ["dispatch"], our_environment(settings, servers), _alive)


def district_part(settings: Settings, servers: Servers) -> Part:
    """Return the simulated district."""
    arguments = ["simulate", "--scenario", "mixed"]
    part = _ours("simulated district", arguments, our_environment(settings, servers), _alive)
    # `gridwatch simulate --remove` ends it.
    return replace(part, may_end=True)


async def _alive(_pid: int) -> bool:
    return True


def _ours(
    name: str, arguments: list[str], environment: Mapping[str, str], ready: Callable[[int], Awaitable[bool]]
) -> Part:
    return Part(
        name=name,
        command=[sys.executable, "-m", "gridwatch", *arguments],
        environment=environment,
        ready=ready,
        order=StopOrder.USERS,
    )


def bare_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a program that is not ours: no settings, no secrets."""
    return {**SYSTEM_ENVIRONMENT, MARK: str(settings.data_dir)}


def our_environment(settings: Settings, servers: Servers) -> dict[str, str]:
    """Return the environment of a command of ours: the person's own, with the addresses in use."""
    inherited = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
    return inherited | {
        "GRIDWATCH_DATABASE_URL": servers.database_url,
        "GRIDWATCH_MQTT_URL": servers.mqtt_url,
        "GRIDWATCH_HTTP_HOST": settings.http_host,
        "GRIDWATCH_HTTP_PORT": str(settings.http_port),
        "GRIDWATCH_MQTT_PORT": str(settings.mqtt_port),
        "GRIDWATCH_DATA_DIR": str(settings.data_dir),
        # `up` has migrated already.
        "GRIDWATCH_MIGRATE": "0",
        "PYTHONUNBUFFERED": "1",
        MARK: str(settings.data_dir),
    }


def log_folder(data_dir: Path) -> Path:
    """Return where the parts' output is kept."""
    return data_dir / "logs"
