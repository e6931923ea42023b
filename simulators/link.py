"""One MQTT connection that is made again whenever it breaks, and loses nothing meanwhile."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from simulators.publication import Publication, status_publication

log = logging.getLogger(__name__)
PAHO_LOG = logging.getLogger(f"{__name__}.paho")
PAHO_LOG.setLevel(logging.CRITICAL)
"""Each connection would tell the same of a broker that is away."""

WINDOW = 64
"""Messages of one connection without acknowledgement."""

ACKNOWLEDGED_WITHIN_S = 60.0
"""The largest clip takes half a minute on a 10 Mbit/s line."""
BACK_OFF_S = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Between attempts to connect; the last one stays."""
LARGE_BYTES = 1_000_000
"""A message of this size waits until it is alone in the window, so that few clips are in memory."""
KEEPALIVE_S = 30

Acknowledged = Callable[[Publication], None]


class Broker:
    """Whether the broker is there, said once for all connections."""

    def __init__(self) -> None:
        self.trouble = "no answer"
        self._there: bool | None = None

    def answers(self) -> None:
        """Take note that a connection stands."""
        if self._there is False:
            log.warning("the broker is back")
        self._there = True

    def fails(self, trouble: str) -> None:
        """Take note that a connection broke or was not made."""
        self.trouble = trouble
        if self._there:
            log.warning("the broker is away (%s): trying again until it is back", trouble)
            self._there = False


class Link:
    """One connection to the broker that is made again whenever it breaks."""

    def __init__(
        self,
        address: BrokerAddress,
        *,
        statuses_of: Sequence[str],
        acknowledged: Acknowledged,
        broker: Broker,
    ) -> None:
        self.ready = asyncio.Event()
        self._broker = broker
        self._address = address
        self._statuses_of = statuses_of
        self._acknowledged = acknowledged
        self._room = asyncio.Semaphore(WINDOW)
        self._waiting: dict[int, Publication] = {}
        self._number = 0
        self._client: aiomqtt.Client | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._broken = asyncio.Event()
        self._failure: BaseException | None = None
        self._all_acknowledged = asyncio.Event()
        self._all_acknowledged.set()

    async def publish(self, publication: Publication) -> None:
        """Hand over one message; waits while the window is full."""
        if len(publication.payload) >= LARGE_BYTES:
            await self.drained()
        await self._room.acquire()
        self._number += 1
        self._waiting[self._number] = publication
        self._all_acknowledged.clear()
        self._send(self._number)

    async def drained(self) -> None:
        """Wait until everything that was handed over is acknowledged."""
        await self._all_acknowledged.wait()

    async def run(self) -> None:
        """Keep the connection until cancelled; `ready` is set once it stands for the first time."""
        failures = 0
        while True:
            try:
                async with self._connected() as client:
                    failures = 0
                    self.ready.set()
                    self._broker.answers()
                    await self._serve(client)
            except aiomqtt.MqttError as error:
                self._broker.fails(str(error))
                pause_s = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]
                failures += 1
                await asyncio.sleep(pause_s)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiomqtt.Client]:
        async with open_client(self._address, will_of=self._statuses_of[:1]) as client:
            await self._send_statuses(client, online=True)
            try:
                yield client
            finally:
                self._client = None
                await cancel_all(self._sending)

    async def goodbye(self) -> None:
        """Say that the devices are offline, as far as the broker is there."""
        if self._client is not None:
            await self._send_statuses(self._client, online=False)

    async def _send_statuses(self, client: aiomqtt.Client, *, online: bool) -> None:
        for device in self._statuses_of:
            status = status_publication(device, datetime.now(UTC), online=online)
            await send(client, status)
            self._acknowledged(status)

    async def _serve(self, client: aiomqtt.Client) -> None:
        """Send what waits in its order, then what comes, until the connection breaks."""
        self._broken.clear()
        self._client = client
        for number in list(self._waiting):
            self._send(number)
        ends: set[asyncio.Task[Any]] = {
            asyncio.create_task(self._broken.wait(), name="publication refused"),
            asyncio.create_task(_listen(client), name="connection lost"),
        }
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await cancel_all(ends)
        raise self._failure or aiomqtt.MqttError("a message was not acknowledged")

    def _send(self, number: int) -> None:
        if self._client is not None and not self._broken.is_set():
            task = asyncio.create_task(self._deliver(self._client, number), name=f"publication {number}")
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self._broken.set()

    async def _deliver(self, client: aiomqtt.Client, number: int) -> None:
        publication = self._waiting[number]
        try:
            await send(client, publication)
        except aiomqtt.MqttError:
            self._broken.set()
            return
        del self._waiting[number]
        self._room.release()
        self._acknowledged(publication)
        if not self._waiting:
            self._all_acknowledged.set()


@asynccontextmanager
async def open_client(
    address: BrokerAddress, *, will_of: Sequence[str] = ()
) -> AsyncIterator[aiomqtt.Client]:
    """Connect once (MQTT 3.1.1, which every broker speaks); raises aiomqtt.MqttError."""
    will = None
    if will_of:
        gone = status_publication(will_of[0], datetime.now(UTC), online=False)
        will = aiomqtt.Will(gone.topic, gone.payload, gone.qos, gone.retain)
    client = address.client(
        will=will,
        keepalive=KEEPALIVE_S,
        max_inflight_messages=WINDOW,
        logger=PAHO_LOG,
    )
    client.pending_calls_threshold = 2 * WINDOW
    async with client:
        yield client


async def _listen(client: aiomqtt.Client) -> None:
    """Wait for messages, of which there are none: raises MqttError as soon as the connection is lost."""
    async for message in client.messages:
        log.debug("unexpected message on %s", message.topic)


async def send(client: aiomqtt.Client, message: Publication) -> None:
    """Publish and wait for the acknowledgement; raises aiomqtt.MqttError."""
    await client.publish(
        message.topic, message.payload, message.qos, message.retain, timeout=ACKNOWLEDGED_WITHIN_S
    )


async def cancel_all(tasks: set[asyncio.Task[Any]]) -> None:
    """End tasks and wait for their end."""
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
