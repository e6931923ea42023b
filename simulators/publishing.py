"""Publications go out over MQTT: at their time, acknowledged, again after a broken connection, counted.

Nothing is dropped: while the broker is away `publish` waits as soon as the window is full.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import BrokerError
from simulators.link import ACKNOWLEDGED_WITHIN_S, Broker, Link, cancel_all, open_client, send
from simulators.publication import Publication, status_publication

log = logging.getLogger(__name__)

MOST_LINKS = 64
"""Connections of one simulator. MQTT gives each one Last Will, so further devices share connections and only
the first device of each is said to be offline when the simulator is killed."""

CONNECT_WITHIN_S = 10.0
LEAVE_WITHIN_S = 1.0
"""How long a stop waits for acknowledgements that are under way."""


class Publisher:
    """The connections of all devices, and the count of what the broker acknowledged."""

    def __init__(self, address: BrokerAddress, devices: Sequence[str], *, statuses: bool) -> None:
        self._address = address
        self._broker = Broker()
        count = min(len(devices), MOST_LINKS)
        shares = [devices[first::count] for first in range(count)]
        self.counts: dict[str, Counter[str]] = {device: Counter() for device in devices}
        self._links = [
            Link(
                address,
                statuses_of=share if statuses else (),
                acknowledged=self._count,
                broker=self._broker,
            )
            for share in shares
        ]
        self._link_of: Mapping[str, Link] = {
            device: link for link, share in zip(self._links, shares, strict=True) for device in share
        }

    @asynccontextmanager
    async def connected(self, *, within_s: float = CONNECT_WITHIN_S) -> AsyncIterator[None]:
        """Hold the connections; raise BrokerError when the broker can't be reached at first.

        With `statuses` each device is `online` (retained) meanwhile and `offline` afterwards.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {
                    group.create_task(link.run(), name=f"link {index}")
                    for index, link in enumerate(self._links)
                }
                try:
                    await self._wait_for_links(within_s)
                    yield
                finally:
                    await self._leave()
                    await cancel_all(tasks)
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    @property
    def total(self) -> int:
        """Return how many messages were acknowledged."""
        return sum(counter.total() for counter in self.counts.values())

    async def publish(self, publication: Publication) -> None:
        """Hand over one message; waits while the window of its connection is full."""
        await self._link_of[publication.device].publish(publication)

    async def publish_when_due(self, publication: Publication) -> None:
        """Wait for the message's own time, then hand it over."""
        delay_s = (publication.at - datetime.now(UTC)).total_seconds()
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        await self.publish(publication)

    async def publish_all(self, publications: Iterable[Publication]) -> None:
        """Hand over each in its own time; they are in order."""
        for publication in publications:
            await self.publish_when_due(publication)

    async def drain(self, *, within_s: float = ACKNOWLEDGED_WITHIN_S) -> None:
        """Wait until everything is acknowledged; raise BrokerError when the broker stays away."""
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(link.drained() for link in self._links))
        except TimeoutError as error:
            raise BrokerError(f"the broker did not acknowledge everything within {within_s:g} s") from error

    def _count(self, publication: Publication) -> None:
        self.counts[publication.device][publication.kind] += 1

    async def _wait_for_links(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                for link in self._links:
                    await link.ready.wait()
        except TimeoutError as error:
            where = f"{self._address.host}:{self._address.port}"
            raise BrokerError(f"the broker at {where} can't be reached: {self._broker.trouble}") from error

    async def _leave(self) -> None:
        """Take leave as far as the broker is there; what it did not acknowledge by then is lost."""
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await asyncio.gather(*(link.drained() for link in self._links))
                await asyncio.gather(*(link.goodbye() for link in self._links))
        except (TimeoutError, aiomqtt.MqttError):
            log.warning("the broker did not acknowledge everything before the end")


async def clear_statuses(address: BrokerAddress, devices: Sequence[str]) -> None:
    """Take the retained status of each device back; raises BrokerError."""
    try:
        async with open_client(address) as client:
            for device in devices:
                status = status_publication(device, datetime.now(UTC), online=False)
                await send(client, replace(status, payload=b""))
    except aiomqtt.MqttError as error:
        raise BrokerError(f"the broker at {address.host}:{address.port}: {error}") from error
