"""The broker and the database of `up`, and collectors, each of which can be stopped alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString

import psutil
import psycopg

from bench.up import clean_environment
from bench.waiting import end, free_port, wait_until
from gridwatch.cli.up.account import as_account, database_account
from gridwatch.cli.up.broker import find_mosquitto, mosquitto_command, write_mosquitto_configuration
from gridwatch.cli.up.ports import accepts
from gridwatch.cli.up.postgres import prepare
from gridwatch.store.connection import with_session_options
from gridwatch.store.migrate import migrate

READY_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Servers:
    """Where broker and database are."""

    folder: Path
    mqtt_port: int
    database_url: str
    psql: Path

    def ask(self, query: LiteralString, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement on the tables of Gridwatch."""
        with psycopg.connect(with_session_options(self.database_url), autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def processes(self, name: str) -> list[psutil.Process]:
        """Return the processes of a server that this one started, by their name."""
        return [child for child in psutil.Process().children(recursive=True) if child.name() == name]

    @contextmanager
    def collector(self) -> Iterator[int]:
        """Run `gridwatch ingest` for the length of the block; give its process id once it does its share.

        A second one makes the first one's smaller: the work is shared when it is given.
        """
        environment = clean_environment() | {
            "GRIDWATCH_DATABASE_URL": self.database_url,
            "GRIDWATCH_MQTT_URL": f"mqtt://127.0.0.1:{self.mqtt_port}",
            "GRIDWATCH_DATA_DIR": str(self.folder),
            "GRIDWATCH_MIGRATE": "0",
        }
        with (self.folder / "ingest.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gridwatch", "ingest"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(
                lambda: process.poll() is not None or self._works(process.pid),
                timeout_s=READY_WITHIN_S,
                what="the collector works",
            )
            if process.poll() is not None:
                raise RuntimeError("the collector ended: " + (self.folder / "ingest.log").read_text()[-500:])
            yield process.pid
        finally:
            end(process, signal.SIGTERM)

    def _works(self, pid: int) -> bool:
        return bool(
            self.ask(
                "SELECT 1 FROM collector WHERE subscribed AND (joined OR slot = 0) AND pid = %s "
                "AND adopted_by IS NULL AND heartbeat_at > now() - interval '2 s'",
                [pid],
            )
        )


@contextmanager
def servers(**settings: str) -> Iterator[Servers]:
    """Run Mosquitto and PostgreSQL, configured as `up` does, with the newest tables.

    `settings`: further ones of PostgreSQL.
    """
    with TemporaryDirectory(prefix="gridwatch-bench-") as name, ExitStack() as started:
        folder = Path(name)
        # As root, PostgreSQL runs as an account of its own, which must pass through.
        folder.chmod(0o711)
        port = free_port()
        started.enter_context(mosquitto(folder / "broker", port))
        account = database_account()
        database = prepare(folder, account)
        server = started.enter_context(
            _process(
                database.command(settings),
                folder / "postgres.log",
                signal.SIGINT,
                cwd=folder,
                **as_account(account),
            )
        )
        wait_until(lambda: database.serves(server.pid), timeout_s=READY_WITHIN_S, what="PostgreSQL is ready")
        migrate(database.url)
        psql = database.program.with_name("psql")
        yield Servers(folder=folder, mqtt_port=port, database_url=database.url, psql=psql)


@contextmanager
def mosquitto(folder: Path, port: int) -> Iterator[None]:
    program = find_mosquitto()
    if program is None:
        raise RuntimeError("Mosquitto is not installed: make setup says how")
    command = mosquitto_command(program, write_mosquitto_configuration(folder, port=port))
    with _process(command, folder / "mosquitto.log", signal.SIGTERM):
        wait_until(lambda: accepts("127.0.0.1", port), timeout_s=READY_WITHIN_S, what="Mosquitto is ready")
        yield


@contextmanager
def _process(
    command: list[str], log: Path, stop_signal: signal.Signals, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env={"PATH": os.defpath, "LC_ALL": "C"}, **options
        )
    try:
        yield process
    finally:
        end(process, stop_signal)
