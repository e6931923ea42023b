"""Real servers for the tests: PostgreSQL, a fresh database for each test, Mosquitto."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from gridwatch.cli.up.account import as_account, database_account
from gridwatch.cli.up.broker import find_mosquitto, mosquitto_command, write_mosquitto_configuration
from gridwatch.cli.up.postgres import ELSEWHERE_NOTE, prepare
from gridwatch.store.migrate import migrate

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 60.0
TEST_DATABASE_VARIABLE = "GRIDWATCH_TEST_DATABASE_URL"

UNSAFE_BUT_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
}
"""The tests' database lives as long as the tests: it need not outlive a power cut."""

IN_MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 4 << 30  # noqa: S108 - a folder of its own is made in it
"""There a copy of a database takes a sixth of the time, and several servers have room in so much."""


def wait_until(condition: Callable[[], bool], *, timeout_s: float = READY_WITHIN_S, what: str = "") -> None:
    """Return as soon as `condition` holds; raise TimeoutError after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout_s:g} s: {what or condition}")
        time.sleep(0.01)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Say whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal and wait for the end; kill what does not obey."""
    process.send_signal(number)
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_WITHIN_S)
        raise


class Mosquitto:
    """A broker with our configuration that a test may stop, kill and start again on its port."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.folder = folder
        self._options = options
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return its address, as in GRIDWATCH_MQTT_URL."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        program = find_mosquitto()
        if program is None:
            pytest.skip("needs Mosquitto, which is not installed: make setup says how")
        configuration = write_mosquitto_configuration(self.folder, port=self.port)
        with configuration.open("a") as more:
            more.writelines(f"{option}\n" for option in self._options)
        with (self.folder / "mosquitto.log").open("ab") as log:
            process = subprocess.Popen(
                mosquitto_command(program, configuration), stdout=log, stderr=subprocess.STDOUT
            )
        self._process = process
        wait_until(lambda: process.poll() is not None or accepts(self.port), what="Mosquitto accepts")
        if process.poll() is not None:
            raise RuntimeError(f"Mosquitto ended: {(self.folder / 'mosquitto.log').read_text()}")

    def stop(self) -> None:
        """Stop it in order: it saves its sessions and queues."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it: what it did not save yet is lost."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            end(process, number)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the address of a PostgreSQL server for the whole session: ours, or the one that is given."""
    given = os.environ.get(TEST_DATABASE_VARIABLE)
    if given:
        yield given
        return
    in_memory = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ENOUGH_BYTES
    with TemporaryDirectory(prefix="gridwatch-test-", dir=IN_MEMORY if in_memory else None) as folder:
        account = database_account()
        home = Path(folder)
        if account is not None:
            home.chmod(0o711)
        server = prepare(home, account)
        with (home / "postgres.log").open("wb") as log:
            process = subprocess.Popen(
                server.command(UNSAFE_BUT_FAST),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=server.folder,
                **as_account(account),
            )
        try:
            wait_until(
                lambda: process.poll() is not None or server.serves(process.pid), what="PostgreSQL is ready"
            )
            assert process.poll() is None, (home / "postgres.log").read_text()
            yield server.url
        finally:
            end(process, signal.SIGINT)


@pytest.fixture(scope="session", autouse=True)
def shelter_is_emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Remove the databases of the tests' own `up` that as root lie outside of their data directories."""
    yield
    for note in tmp_path_factory.getbasetemp().rglob(ELSEWHERE_NOTE):
        shutil.rmtree(note.read_text().strip(), ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """Return the name of a database with the newest tables that each test's own is a copy of."""
    name = f"template_{uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}"')
    try:
        migrate(with_database(postgres_url, name))
        # TimescaleDB's scheduler would stay connected, and a database in use can't be copied.
        run_sql(postgres_url, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        end_connections(postgres_url, name)
        yield name
    finally:
        run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """Return the address of a fresh database with the newest tables, dropped afterwards."""
    with copied_database(postgres_url, migrated_template) as url:
        yield url


@contextmanager
def copied_database(postgres_url: str, template: str) -> Iterator[str]:
    """Return the address of a copy of a database for the length of the block."""
    name = f"test_{uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    try:
        yield with_database(postgres_url, name)
    finally:
        run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Return a running Mosquitto of this test alone, stopped afterwards."""
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def with_database(url: str, name: str) -> str:
    """Return `url` with another database name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def end_connections(url: str, database: str) -> None:
    """End every connection to a database and wait until they are gone."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [database]
        )


def run_sql(url: str, statement: str) -> None:
    """Run one statement outside a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
