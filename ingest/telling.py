"""What the doorkeeper tells the broker beside its plugin: to read again, to begin anew, to end sessions."""

import asyncio
import logging
import signal
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import aiomqtt
import psutil

from gridwatch.broker_address import BrokerAddress
from gridwatch.broker_config import KEEPER, PID, own_users
from ingest.packets import Version, connect, disconnect
from ingest.sessions import Saved

log = logging.getLogger(__name__)
PAHO_LOG = logging.getLogger(f"{__name__}.paho")
PAHO_LOG.setLevel(logging.CRITICAL)

MOST_BYTES = 65_536
ANSWERED_WITHIN_S = 5.0
SHORTEST_CONNACK = 5

AT_A_TIME = 20
"""Sessions that are ended at the same time."""


def keeper(address: BrokerAddress, folder: Path, *, client_id: str | None = None) -> aiomqtt.Client:
    """Return a client of the doorkeeper's own user."""
    return aiomqtt.Client(
        address.host,
        address.port,
        username=KEEPER,
        password=own_users(folder)[KEEPER].secret,
        identifier=client_id,
        clean_session=True,
        logger=PAHO_LOG,
    )


async def end_sessions(address: BrokerAddress, folder: Path, client_ids: Collection[str]) -> None:
    """Have the broker forget sessions: who connects under their name and asks for none ends them.

    Where devices connect nobody chooses a client id; at the listener of our own processes one can.
    """
    free = asyncio.Semaphore(AT_A_TIME)

    async def end(client_id: str) -> None:
        async with free:
            try:
                async with keeper(address, folder, client_id=client_id):
                    pass
            except aiomqtt.MqttError as error:
                log.debug("the session of %s is not ended: %s", client_id, error)

    await asyncio.gather(*map(end, client_ids))


async def renew_sessions(address: BrokerAddress, folder: Path, sessions: Mapping[str, Saved]) -> None:
    """Connect once to each session of our own users, so that the broker knows their passwords again.

    Nothing is acknowledged: what waits goes on waiting.
    """
    own = own_users(folder)
    for client_id, saved in sessions.items():
        greeting = connect(
            Version.V5,
            client_id,
            keepalive_s=30,
            session_expiry_s=saved.expires_after_s,
            window=1,
            most_bytes=MOST_BYTES,
            username=saved.username,
            password=own[saved.username].secret,
        )
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                reader, writer = await asyncio.open_connection(address.host, address.port)
                writer.write(greeting)
                await reader.readexactly(SHORTEST_CONNACK)
                writer.write(disconnect(Version.V5))
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError, TimeoutError) as error:
            log.debug("the session of %s is not renewed: %s", client_id, error)


def read_again(folder: Path) -> None:
    """Let the broker of `folder` read its files again; one that does not run reads them at its start."""
    _send(folder, signal.SIGHUP)


def start_anew(folder: Path) -> None:
    """Stop the broker of `folder` in order: it saves what it keeps, and whoever runs it starts it again."""
    _send(folder, signal.SIGTERM)


def age_s(folder: Path) -> float:
    """Return how long the broker of `folder` runs; 0 where it does not."""
    process = _process(folder)
    try:
        return 0.0 if process is None else time.time() - process.create_time()
    except psutil.Error:
        return 0.0


def _send(folder: Path, number: signal.Signals) -> None:
    process = _process(folder)
    try:
        if process is not None:
            process.send_signal(number)
    except psutil.Error as error:
        log.debug("no broker to tell: %s", error)


def _process(folder: Path) -> psutil.Process | None:
    """Return the broker's process, if its note of it is true."""
    try:
        process = psutil.Process(int((folder / PID).read_text()))
        return process if process.name() == "mosquitto" else None
    except (OSError, ValueError, psutil.Error) as error:
        log.debug("no broker is there: %s", error)
        return None
