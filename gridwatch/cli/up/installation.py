"""Brings an installation up in order, keeps it up, and takes it down."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress

from gridwatch.broker_address import BrokerAddress
from gridwatch.cli.up import leftovers, orphans, postgres
from gridwatch.cli.up.account import database_account
from gridwatch.cli.up.broker import SAVE_NOW, find_mosquitto
from gridwatch.cli.up.data_folder import check_space, hold, make_private
from gridwatch.cli.up.first_run import FirstRun, look
from gridwatch.cli.up.part import Part
from gridwatch.cli.up.parts import (
    Servers,
    api_part,
    bare_environment,
    broker_part,
    collector_part,
    database_part,
    dispatch_part,
    district_part,
    door_part,
    log_folder,
)
from gridwatch.cli.up.ports import accepts, check_port_free
from gridwatch.cli.up.saving import keep_saved
from gridwatch.cli.up.say import Say
from gridwatch.cli.up.supervisor import Supervisor
from gridwatch.errors import BrokerError
from gridwatch.running import FILE as RUNNING_FILE
from gridwatch.running import Running, write_running
from gridwatch.settings import Settings, check_plain_http

SERVER_READY_WITHIN_S = 120.0
"""After a crash PostgreSQL reads up to max_wal_size of log again, Mosquitto all its queues."""

PART_READY_WITHIN_S = 60.0

STAND_IN = (
    "Mosquitto is not installed: amqtt stands in. It is slow (about a twentieth), speaks no MQTT 5, and "
    "loses unacknowledged messages when a collector reconnects. It has no access control: whoever reaches it "
    "may do everything. For a first try only. `make setup` installs Mosquitto or says how."
)


class Installation:
    """Everything on this machine, from the checks before the start to the end."""

    def __init__(self, settings: Settings, *, simulate: bool | None, say: Say) -> None:
        self._settings = settings
        self._simulate = simulate
        self._say = say
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Bring everything up and keep it up until a signal asks for the end. Raises GridwatchError."""
        self._heed_signals()
        # As root PostgreSQL needs an account of its own, which must reach its folder in the data directory.
        account = None if self._settings.database_url else database_account()
        with ExitStack() as held:
            held.enter_context(hold(self._settings.data_dir, account))
            for name in await asyncio.to_thread(leftovers.stop_marked, self._settings.data_dir):
                self._say.line(f"stopped {name}, which an earlier gridwatch up left running")
            self._check_ports()
            supervisor = self._supervisor()
            try:
                await self._until_stopped(supervisor)
            finally:
                self._say.settle()
                self._say.line("stopping …")
                await supervisor.stop()
                orphans.end_children()
                (self._settings.data_dir / RUNNING_FILE).unlink(missing_ok=True)
                self._say.line("stopped")

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)

    def _check_ports(self) -> None:
        settings = self._settings
        check_plain_http(settings)
        check_port_free(
            settings.http_host,
            settings.http_port,
            what="the API and the console",
            instead="--port N or GRIDWATCH_HTTP_PORT",
        )
        if settings.mqtt_url is not None:
            _check_broker(settings.mqtt_url)
        else:
            check_port_free(
                "127.0.0.1",
                settings.mqtt_port,
                what="the MQTT broker",
                instead="GRIDWATCH_MQTT_PORT (or name that broker in GRIDWATCH_MQTT_URL to use it)",
            )
            if settings.meets_devices:
                self._check_device_ports()

    def _check_device_ports(self) -> None:
        settings = self._settings
        for port, kind, variable in (
            (settings.mqtts_port, "passwords", "GRIDWATCH_MQTTS_PORT"),
            (settings.mqtt_certificate_port, "certificates", "GRIDWATCH_MQTT_CERTIFICATE_PORT"),
        ):
            check_port_free(
                settings.mqtt_host,
                port,
                what=f"devices with {kind}",
                instead=f"{variable} or GRIDWATCH_MQTT_HOST",
            )

    def _supervisor(self) -> Supervisor:
        return Supervisor(
            logs=make_private(log_folder(self._settings.data_dir)),
            guard_environment=bare_environment(self._settings),
            say=self._say.part,
        )

    async def _until_stopped(self, supervisor: Supervisor) -> None:
        """Run until a signal comes; a start that is under way is given up for it."""
        asked = asyncio.create_task(self._stop.wait(), name="signal to stop")
        working = asyncio.create_task(self._work(supervisor), name="installation")
        await asyncio.wait([asked, working], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if working.done():
            working.result()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    async def _work(self, supervisor: Supervisor) -> None:
        servers = await self._start_servers(supervisor)
        self._say.step("Looking into the database")
        first = await look(self._settings, servers.database_url)
        self._say.done("database: tables are up to date")
        write_running(
            self._settings.data_dir, Running(database_url=servers.database_url, mqtt_url=servers.mqtt_url)
        )
        await self._start_ours(supervisor, servers, first)
        self._say_ready(servers, first)
        saving = asyncio.create_task(self._keep_broker_saved(supervisor), name="saving")
        try:
            await supervisor.until_broken()
        finally:
            saving.cancel()

    async def _keep_broker_saved(self, supervisor: Supervisor) -> None:
        """See that a broker of ours that was killed still knows the collector and what waits for it."""
        if self._settings.mqtt_url is None and find_mosquitto() is not None:
            saved = self._settings.data_dir / "broker" / "mosquitto.db"
            await keep_saved(saved, lambda: supervisor.send("broker", SAVE_NOW))

    async def _start_servers(self, supervisor: Supervisor) -> Servers:
        """Start the servers that the settings do not name, both at once."""
        settings = self._settings
        waiting: list[tuple[Part, Callable[[], None]]] = []
        if settings.mqtt_url is None:
            waiting.append(await self._begin(supervisor, broker_part(settings)))
            if find_mosquitto() is None:
                self._say.part("broker", STAND_IN)
        database_url = settings.database_url
        if database_url is None:
            database = await self._database()
            database_url = database.url
            waiting.append(await self._begin(supervisor, database_part(settings, database)))
        for part, done in waiting:
            await supervisor.until_ready(part, timeout_s=SERVER_READY_WITHIN_S)
            done()
        return Servers(database_url=database_url, mqtt_url=settings.mqtt_url or _own_broker(settings))

    async def _database(self) -> postgres.EmbeddedPostgres:
        self._say.step("Preparing the database")
        account = database_account()
        database = await asyncio.to_thread(postgres.prepare, self._settings.data_dir, account)
        check_space(database.folder)
        if database.folder.parent != self._settings.data_dir and account is not None:
            self._say.line(
                f"PostgreSQL refuses to run as root and runs as {account.name}, who can't reach the data "
                f"directory: the database is in {database.folder}"
            )
        for name in await asyncio.to_thread(leftovers.stop_postgres, database):
            self._say.line(f"stopped {name}, which an earlier gridwatch up left running")
        return database

    async def _start_ours(self, supervisor: Supervisor, servers: Servers, first: FirstRun) -> None:
        settings = self._settings
        parts = [
            api_part(settings, servers, first_password=first.new_password),
            collector_part(settings, servers),
        ]
        for part, done in [await self._begin(supervisor, part) for part in parts]:
            await supervisor.until_ready(part, timeout_s=PART_READY_WITHIN_S)
            done()
        if settings.mqtt_url is None and settings.meets_devices:
            await supervisor.start(door_part(settings, servers))
        # Nobody waits for these: they come last, so that they don't take the others' processors.
        await supervisor.start(dispatch_part(settings, servers))
        if first.only_simulated if self._simulate is None else self._simulate:
            await supervisor.start(district_part(settings, servers))
            self._say.line("a simulated district is added: real devices, or --no-simulate, end that")

    async def _begin(self, supervisor: Supervisor, part: Part) -> tuple[Part, Callable[[], None]]:
        self._say.step(f"Starting the {part.name}")
        await supervisor.start(part)
        return part, lambda: self._say.done(f"{part.name}: ready")

    def _say_ready(self, servers: Servers, first: FirstRun) -> None:
        self._say.settle()
        self._say.done("ready")
        self._say.line("")
        self._say.line(f"  console   {self._settings.link_base}/")
        broker = BrokerAddress.parse(servers.mqtt_url)
        # Without user and password: a terminal is read over shoulders and kept in logs.
        self._say.line(f"  MQTT      {'mqtts' if broker.tls else 'mqtt'}://{broker.host}:{broker.port}")
        if self._settings.mqtt_url is None and self._settings.meets_devices:
            self._say_devices()
        self._say.line(f"  data      {self._settings.data_dir}")
        if first.new_password is not None:
            self._say.line(f"  sign in   admin / {first.new_password}   (shown this once)")
        self._say.line("")
        self._say.line("Ctrl-C stops everything.")

    def _say_devices(self) -> None:
        settings = self._settings
        host = settings.mqtt_host
        self._say.line(f"  devices   mqtts://{host}:{settings.mqtts_port} with user and password")
        self._say.line(f"            mqtts://{host}:{settings.mqtt_certificate_port} with a certificate")
        self._say.line(f"            they trust it by {settings.data_dir / 'ca' / 'ca.pem'}")


def _own_broker(settings: Settings) -> str:
    """Return the address of the broker that we started, as our own processes reach it."""
    if not settings.meets_devices:
        return f"mqtt://127.0.0.1:{settings.mqtt_port}"
    from gridwatch.broker_config import COLLECTOR, own_url

    return own_url(settings.data_dir / "broker", COLLECTOR, "127.0.0.1", settings.mqtt_port)


def _check_broker(url: str) -> None:
    """Raise BrokerError when nobody answers at the address that the settings name."""
    address = BrokerAddress.parse(url)
    if not accepts(address.host, address.port):
        raise BrokerError(
            f"no MQTT broker answers at {address.host} port {address.port}: "
            "start it, or correct GRIDWATCH_MQTT_URL"
        )
