"""Publish the changes of alerts to a topic for each area: its own, and each above it.

With QoS 1 and not retained: what was true once must not look new to who comes later; a subscriber with a
persistent session misses nothing. One collector does it for all; what a killed one had published goes again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

import aiomqtt
import msgspec

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import StoreError
from gridwatch.store import Store
from gridwatch.store.alerts import CHANNEL
from gridwatch.store.area_topics import AreaNews, news_of_areas
from gridwatch.wire import area_topic

log = logging.getLogger(__name__)

PAHO_LOG = logging.getLogger(f"{__name__}.paho")
PAHO_LOG.setLevel(logging.CRITICAL)
"""That the broker is away is told by the sessions."""

PUBLISH_TIMEOUT_S = 5.0
RECONNECT_S = 1.0
LOOK_S = 2.0
"""The table is looked at so often where no notification comes."""


class AreaTopics:
    """Publishes for one process."""

    def __init__(self, store: Store, address: BrokerAddress) -> None:
        self._store = store
        self._address = address
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Publish what changes, for ever; waits for a broker or a database that is away."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="changes of alerts")
            while True:
                try:
                    async with self._address.client(timeout=PUBLISH_TIMEOUT_S, logger=PAHO_LOG) as client:
                        await self._publish(client)
                except aiomqtt.MqttError as error:
                    log.debug("topics of areas wait for the broker: %s", error)
                except StoreError as error:
                    log.warning("topics of areas wait for the database: %s", error)
                await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        while True:
            try:
                async for _ in self._store.listen(CHANNEL, wait_s=LOOK_S):
                    self._wake.set()
            except StoreError as error:
                log.warning("changes of alerts are not heard of, trying again: %s", error)
                await asyncio.sleep(RECONNECT_S)

    async def _publish(self, client: aiomqtt.Client) -> None:
        while True:
            async with news_of_areas(self._store) as news:
                await _publish_all(client, news or ())
            if news is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._wake.wait()
                self._wake.clear()


async def _publish_all(client: aiomqtt.Client, news: Sequence[AreaNews]) -> None:
    """Publish in order; return when the broker has taken all. Raises MqttError."""
    payloads = [(msgspec.json.encode(one.alert), one.areas) for one in news]
    work = [
        client.publish(area_topic(area), payload, qos=1, retain=False)
        for payload, areas in payloads
        for area in areas
    ]
    await asyncio.gather(*work)
