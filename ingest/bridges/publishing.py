"""From what a bridge was told to the broker: whose connection it is, and what runs until it is stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt

from gridwatch import running
from gridwatch.broker_address import BrokerAddress
from gridwatch.settings import Settings
from ingest.bridges.publisher import Publisher
from ingest.bridges.spool import Spool

Work = Coroutine[Any, Any, None]

BROKER_FOLDER = "broker"
"""Of the data directory: where the secrets of our own processes are."""

LEAVE_WITHIN_S = 2.0
"""For what still waits when a bridge is told to stop; the rest is published when it starts again."""


def broker_address(settings: Settings) -> BrokerAddress:
    """Return the broker's address as a bridge reaches it; raise SettingsError.

    Beside a running `up` that meets devices a bridge is a user of its own, who may less than a collector.
    """
    address = BrokerAddress.parse(running.mqtt_url(settings))
    if settings.mqtt_url is not None:
        return address
    # It needs the database's client and a library of certificates: 20 MB.
    from gridwatch.broker_config import BRIDGE, COLLECTOR, own_users

    if address.username != COLLECTOR:
        return address
    secret = own_users(settings.data_dir / BROKER_FOLDER)[BRIDGE].secret
    return replace(address, username=BRIDGE, password=secret)


def open_spool(settings: Settings, name: str, path: Path) -> Spool:
    """Open what waits for a bridge of this name with this file; raises SettingsError."""
    return Spool(settings.data_dir / "bridge" / f"{name}-{path.stem}.sqlite")


async def run_bridge(
    publisher: Publisher,
    ways_in: Sequence[Work],
    way_out: Work,
    emptied: Callable[[], Awaitable[object]],
) -> None:
    """Run the ways in and out until cancelled; `emptied` waits until nothing waits for the broker."""
    async with asyncio.TaskGroup() as out:
        publishing = [
            out.create_task(publisher.run(), name="publisher"),
            out.create_task(way_out, name="way out"),
        ]
        try:
            async with asyncio.TaskGroup() as into:
                for number, work in enumerate(ways_in):
                    into.create_task(work, name=f"way in {number}")
        finally:
            with suppress(TimeoutError, aiomqtt.MqttError):
                async with asyncio.timeout(LEAVE_WITHIN_S):
                    await emptied()
                    await publisher.leave()
            for task in publishing:
                task.cancel()


async def run_spooled(
    settings: Settings, spool: Spool, ways_in: Sequence[Work], *, gateway: str | None
) -> None:
    """Run what puts messages into a spool, and publish them, until cancelled."""
    publisher = Publisher(broker_address(settings), gateway=gateway)
    try:
        await run_bridge(publisher, ways_in, spool.drain(publisher), spool.emptied)
    finally:
        spool.close()
