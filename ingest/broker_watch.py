"""What the broker says of itself under `$SYS`: a restart, or messages it threw away, are written down."""

import asyncio
import logging
from datetime import UTC, datetime

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import StoreError
from gridwatch.store import Store
from gridwatch.store.broker import SeenBroker, see_broker

log = logging.getLogger(__name__)
PAHO_LOG = logging.getLogger(f"{__name__}.paho")
PAHO_LOG.setLevel(logging.CRITICAL)
"""That the broker is away is told by the sessions."""

VERSION = "$SYS/broker/version"
UPTIME = "$SYS/broker/uptime"
KEPT = "$SYS/broker/store/messages/count"
DROPPED = "$SYS/broker/publish/messages/dropped"
TOPICS = (VERSION, KEPT, DROPPED, UPTIME)
"""The uptime comes every ten seconds, the others when they change."""

RECONNECT_S = 2.0


async def watch_broker(store: Store, address: BrokerAddress) -> None:
    """Look at the broker as often as it speaks of itself, for ever; one that says nothing is let be."""
    while True:
        try:
            await _listen(store, address)
        except aiomqtt.MqttError as error:
            log.debug("the broker is not heard of: %s", error)
        except StoreError as error:
            log.warning("what the broker says is not written down: %s", error)
        await asyncio.sleep(RECONNECT_S)


async def _listen(store: Store, address: BrokerAddress) -> None:
    said: dict[str, str] = {}
    async with address.client(
        logger=PAHO_LOG,
    ) as client:
        await client.subscribe([(topic, 0) for topic in TOPICS])
        async for message in client.messages:
            said[str(message.topic)] = bytes(message.payload or b"").decode(errors="replace")
            if str(message.topic) == UPTIME and (seen := _seen(said)) is not None:
                for incident in await see_broker(store, seen):
                    log.warning("the broker %s: %s (%d)", incident.what, incident.detail, incident.count)


def _seen(said: dict[str, str]) -> SeenBroker | None:
    """Return what was said as numbers, None where they are none of Mosquitto's."""
    try:
        return SeenBroker(
            version=said.get(VERSION, ""),
            uptime_s=float(said[UPTIME].split()[0]),
            kept=int(said.get(KEPT, 0)),
            dropped=int(said.get(DROPPED, 0)),
            seen_at=datetime.now(UTC),
        )
    except (ValueError, IndexError):
        return None
