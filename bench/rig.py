"""Broker, database and collector, each of which can be killed, stopped and started again alone."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, LiteralString

import psutil
import psycopg
from psycopg import sql

from bench.up import clean_environment
from bench.waiting import end, free_port, wait_until
from gridwatch.cli.up.account import as_account, database_account
from gridwatch.cli.up.broker import (
    SAVE_NOW,
    find_mosquitto,
    mosquitto_command,
    write_mosquitto_configuration,
)
from gridwatch.cli.up.ports import accepts
from gridwatch.cli.up.postgres import SOCKET_NAME, prepare
from gridwatch.model import Device
from gridwatch.store import Store
from gridwatch.store.connection import with_session_options
from gridwatch.store.devices import add_devices
from gridwatch.store.migrate import migrate

READY_WITHIN_S = 120.0
STOP_WITHIN_S = 60.0
MIB = 1024 * 1024
RESTART_S = 0.2
SAMPLE_S = 0.5


class Broker:
    """A Mosquitto with our configuration; `changed` options replace ours."""

    def __init__(self, folder: Path, changed: Mapping[str, str] = MappingProxyType({})) -> None:
        program = find_mosquitto()
        if program is None:
            raise RuntimeError("Mosquitto is not installed: make setup says how")
        self.folder = folder
        self.port = free_port()
        configuration = write_mosquitto_configuration(folder, port=self.port)
        text = configuration.read_text(encoding="utf-8")
        for option, value in changed.items():
            text = re.sub(rf"(?m)^{option} .*$", f"{option} {value}", text)
        configuration.write_text(text, encoding="utf-8")
        self._command = mosquitto_command(program, configuration)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def saved_bytes(self) -> int:
        """Return how large its last save is."""
        file = self.folder / "mosquitto.db"
        return file.stat().st_size if file.exists() else 0

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        with (self.folder / "mosquitto.log").open("ab") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        self._process = process
        wait_until(
            lambda: process.poll() is not None or accepts("127.0.0.1", self.port),
            timeout_s=READY_WITHIN_S,
            what="Mosquitto is ready",
        )
        if process.poll() is not None:
            raise RuntimeError(f"Mosquitto ended: {(self.folder / 'mosquitto.log').read_text()[-500:]}")

    def save(self) -> None:
        """Have it save what it holds, as `gridwatch up` does once a collector is subscribed."""
        if self._process is None:
            return
        file = self.folder / "mosquitto.db"
        before = file.stat().st_mtime_ns if file.exists() else 0
        self._process.send_signal(SAVE_NOW)
        wait_until(
            lambda: file.exists() and file.stat().st_mtime_ns > before,
            timeout_s=READY_WITHIN_S,
            what="Mosquitto saves",
        )

    def end(self, number: signal.Signals) -> None:
        """End it: SIGTERM in order, SIGKILL as a failing machine would."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(STOP_WITHIN_S)


class Database:
    """The embedded PostgreSQL of `up` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.account = database_account()
        self.server = prepare(folder, self.account)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it serves; after a kill its orphans must be gone first."""
        wait_until(self._starts, timeout_s=READY_WITHIN_S, what="PostgreSQL starts", step_s=RESTART_S)

    def end(self, number: signal.Signals) -> None:
        """End it: SIGINT is its fast shutdown, SIGQUIT its immediate one."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(STOP_WITHIN_S)

    def move_tables(self, folder: Path) -> None:
        """Move all tables into `folder`; the write-ahead log stays. Nobody may be connected."""
        tables = folder / "space"
        tables.mkdir(mode=0o700)
        folder.chmod(0o711)
        if self.account is not None:
            self.account.own(tables)
        beside = self.server.url.replace("/gridwatch?", "/postgres?")
        with psycopg.connect(beside, autocommit=True) as connection:
            place = sql.Literal(str(tables))
            connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(place))
            connection.execute("ALTER DATABASE gridwatch SET TABLESPACE small")

    def _starts(self) -> bool:
        with (self._folder / "postgres.log").open("ab") as log:
            process = subprocess.Popen(
                self.server.command(),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                **as_account(self.account),
            )
        self._process = process
        wait_until(
            lambda: process.poll() is not None or self.server.serves(process.pid),
            timeout_s=READY_WITHIN_S,
            what="PostgreSQL is ready",
        )
        return process.poll() is None


class Collector:
    """`gridwatch ingest`, started again whenever it ends, as systemd or `up` would."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self.ends = 0
        self._environment = environment
        self._stopping = False
        self._process = self._launch()
        self._keeper = threading.Thread(target=self._keep, name="keeper of the collector")
        self._keeper.start()

    @property
    def pid(self) -> int:
        """Return the process id of the latest start."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def workers(self) -> set[int]:
        """Return the ids of its detector processes."""
        children = psutil.Process(self.pid).children()
        return {child.pid for child in children if "spawn_main" in " ".join(child.cmdline())}

    def stop(self) -> None:
        """End it for good."""
        self._stopping = True
        end(self._process, signal.SIGTERM)
        self._keeper.join()
        # It may have been started once more at the same moment.
        end(self._process, signal.SIGTERM)

    def _launch(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "gridwatch", "ingest"],
                env=dict(self._environment),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _keep(self) -> None:
        while True:
            self._process.wait()
            if self._stopping:
                return
            time.sleep(RESTART_S)
            self._process = self._launch()
            self.ends += 1


class Rig:
    """All of it, and what is asked of it."""

    def __init__(self, folder: Path, broker: Broker, database: Database) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.broker = broker
        self.database = database
        self.url = database.server.url
        self.peak_mib: dict[str, float] = {}
        self._collector: Collector | None = None

    @property
    def collector(self) -> Collector:
        """Return the collector; it is there inside `collecting`."""
        assert self._collector is not None
        return self._collector

    def ask(self, query: LiteralString, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement on the tables of Gridwatch."""
        with psycopg.connect(with_session_options(self.url), autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def register(self, *devices: Device) -> None:
        """Register devices."""

        async def add() -> None:
            async with Store.open(self.url, connections=1) as store:
                await add_devices(store, devices)

        asyncio.run(add())

    @contextmanager
    def collecting(
        self, *, mqtt_port: int | None = None, database_url: str | None = None, workers: int = 1
    ) -> Iterator[None]:
        """Run a collector, by default without proxies, and note the peaks of everybody's memory."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        environment = clean_environment() | {
            "GRIDWATCH_DATABASE_URL": database_url or self.url,
            "GRIDWATCH_MQTT_URL": f"mqtt://127.0.0.1:{mqtt_port or self.broker.port}",
            "GRIDWATCH_DATA_DIR": str(self.data),
            "GRIDWATCH_MIGRATE": "0",
            "GRIDWATCH_DETECTOR_WORKERS": str(workers),
        }
        self._collector = Collector(self.folder / "ingest.log", environment)
        stopped = threading.Event()
        watch = threading.Thread(target=self._watch, args=(stopped,), name="memory")
        watch.start()
        try:
            self.wait_subscribed()
            yield
        finally:
            stopped.set()
            watch.join()
            self._collector.stop()
            self._collector = None

    def wait_subscribed(self) -> None:
        """Wait until the collector's latest start is subscribed."""
        wait_until(self._is_subscribed, timeout_s=READY_WITHIN_S, what="the collector subscribes")

    def stored(self) -> int:
        """Return how many messages the books show as stored; -1 while the database is away."""
        try:
            ((stored,),) = self.ask("SELECT coalesce(sum(stored), 0)::bigint FROM book")
        except psycopg.OperationalError:
            return -1
        return int(stored)

    def _is_subscribed(self) -> bool:
        try:
            found = self.ask(
                "SELECT pid FROM collector WHERE subscribed AND heartbeat_at > now() - interval '2 s'"
            )
        except psycopg.OperationalError:
            return False
        return (self.collector.pid,) in found

    def _watch(self, stopped: threading.Event) -> None:
        while not stopped.wait(SAMPLE_S):
            for name, pid in (("broker", self.broker.pid), ("collector", self.collector.pid)):
                try:
                    rss = psutil.Process(pid).memory_info().rss / MIB if pid else 0.0
                except psutil.NoSuchProcess:
                    continue
                self.peak_mib[name] = max(self.peak_mib.get(name, 0.0), round(rss, 1))
            saved = round(self.broker.saved_bytes / MIB, 1)
            self.peak_mib["saved by the broker"] = max(self.peak_mib.get("saved by the broker", 0.0), saved)


@contextmanager
def rig(changed: Mapping[str, str] = MappingProxyType({})) -> Iterator[Rig]:
    """Run broker and database with the newest tables; whatever runs at the end is stopped."""
    with TemporaryDirectory(prefix="gridwatch-faults-") as name, ExitStack() as ends:
        folder = Path(name)
        # As root, PostgreSQL runs as an account of its own, which must pass through.
        folder.chmod(0o711)
        database = Database(folder)
        ends.callback(database.end, signal.SIGINT)
        database.start()
        migrate(database.server.url)
        broker = Broker(folder / "broker", changed)
        ends.callback(broker.end, signal.SIGTERM)
        broker.start()
        yield Rig(folder, broker, database)


def socket_of(database: Database) -> Path:
    """Return the Unix socket that PostgreSQL listens on."""
    return database.server.socket_folder / SOCKET_NAME


@contextmanager
def small_disk(place: Path, size_mib: int) -> Iterator[None]:
    """Mount a file system of its own on a folder; raise PermissionError where that is not allowed."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = f"size={size_mib}m,mode=0700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        raise PermissionError(f"a small disk can't be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        # Lazily: what still has a file open there may end a moment later.
        subprocess.run(["umount", "-l", str(place)], check=False)


def fill(place: Path) -> Path:
    """Take every free byte of the disk; return the file that holds them."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(MIB))
        except OSError:
            pass
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            return ballast
