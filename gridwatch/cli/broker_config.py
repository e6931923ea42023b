"""`gridwatch broker-config`: Mosquitto's configuration, and a process that keeps it as the database says."""

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Annotated

import typer

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import SettingsError
from gridwatch.running import database_url, mqtt_url
from gridwatch.settings import Settings, read_settings

FOLDER = "broker"


def broker_config_command(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="where the broker reads it; default: broker/ of the data directory"
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option(help="go on: write each change, tell the broker, put out who may not be there")
    ] = False,
    may_restart: Annotated[
        bool, typer.Option(help="with --follow: whoever runs the broker starts it again when it ends")
    ] = False,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="where it meets devices")] = "0.0.0.0",  # noqa: S104 - with TLS and credentials
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="a name or address that devices know it by; again"),
    ] = None,
    inner: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="where it meets our own processes; no device may reach that"),
    ] = "127.0.0.1",
    plugin: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Mosquitto's dynamic security plugin")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="the account that runs Mosquitto; it owns the files then"),
    ] = None,
) -> None:
    """Write Mosquitto's configuration: TLS, a credential for each device, and nothing but its own topics.

    Where GRIDWATCH_MQTT_URL names the user ~collector, its password becomes that of our own processes.
    """
    settings = read_settings()
    folder = (folder or settings.data_dir / FOLDER).absolute()
    if follow:
        _follow(settings, folder, may_restart=may_restart)
        return
    from gridwatch.broker_config import COLLECTOR, as_ourselves, give_secret, own_url
    from gridwatch.cli.ca import private_ca
    from gridwatch.cli.guarded_broker import write_guarded

    settings = settings.model_copy(update={"mqtt_host": host})
    if user is not None:
        _give(folder, user)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.mqtt_url is not None:
        address = BrokerAddress.parse(settings.mqtt_url)
        if address.username == COLLECTOR and address.password:
            give_secret(folder, COLLECTOR, address.password)
    options = as_ourselves() if user is None else [f"user {user}"]
    path = write_guarded(settings, folder, inner_host=inner, names=name or (), plugin=plugin, options=options)
    at = "127.0.0.1" if inner in ("0.0.0.0", "::") else inner  # noqa: S104 - compared, not bound
    typer.echo(f"written: {path}")
    typer.echo(f"devices   mqtts://…:{settings.mqtts_port} with user and password")
    typer.echo(
        f"          mqtts://…:{settings.mqtt_certificate_port} with a certificate (gridwatch ca issue)"
    )
    typer.echo(f"          they trust it by {private_ca(settings).certificate}")
    typer.echo(f"ourselves GRIDWATCH_MQTT_URL={own_url(folder, COLLECTOR, at, settings.mqtt_port)}")
    typer.echo("then      mosquitto -c that file, and beside it: gridwatch broker-config --follow")


def _follow(settings: Settings, folder: Path, *, may_restart: bool) -> None:
    from gridwatch.broker_config import CONFIGURATION
    from gridwatch.cli.ca import private_ca
    from gridwatch.cli.stopping import until_stopped
    from gridwatch.store import Store
    from ingest.door import Door
    from ingest.watchman import Watchman

    if not (folder / CONFIGURATION).is_file():
        raise SettingsError(f"there is no configuration in {folder}: gridwatch broker-config first")

    async def keep() -> None:
        async with Store.open(database_url(settings), connections=3) as store:
            address = BrokerAddress.parse(mqtt_url(settings))
            watchman = Watchman(store, most_per_s=settings.device_most_per_s, extra_alarms=settings.alarms)
            door = Door(
                store,
                folder,
                private_ca(settings),
                address,
                watchman,
                installation=settings.installation,
                may_restart=may_restart,
            )
            await door.keep()

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(until_stopped(keep()))


def _give(folder: Path, user: str) -> None:
    """Let the broker's account own its folder, and so what is written into it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.chown(folder, user)
    except (OSError, LookupError) as error:
        raise SettingsError(f"--user {user}: {folder} can't be given to it ({error})") from error
