"""A bridge's MQTT connection: a message is published once the broker has acknowledged it, however late."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from gridwatch.wire import topic_of

log = logging.getLogger(__name__)
PAHO_LOG = logging.getLogger(f"{__name__}.paho")
PAHO_LOG.setLevel(logging.CRITICAL)
"""Its words about a broker that is away are ours to say, once."""

WINDOW = 64
"""Messages without acknowledgement; callers bound what they hand over at once."""
ACKNOWLEDGED_WITHIN_S = 60.0
SLOWEST_BYTES_S = 16_000
"""Of an uplink over which a clip still goes: a message may take longer by so much."""
LARGE_BYTES = 200_000
MOST_ATTEMPTS = 8
"""To publish a large message. A broker that takes none so large ends the connection each time, and all that
waits behind it would wait for ever."""
AGAIN_AFTER_S = 0.25
BACK_OFF_S = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Between attempts to connect; the last one stays."""
KEEPALIVE_S = 30

Heard = Callable[[str, bytes], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """One message of `gw/v1/…`, sent with QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


def status_of(device: str, *, online: bool) -> Outgoing:
    """Return the retained status of a device."""
    return Outgoing(
        topic=topic_of(device, "status"), payload=b"online" if online else b"offline", retain=True
    )


class Publisher:
    """One connection that is made again whenever it breaks; `heard` gets what comes on `topics`.

    `gateway`: the device that the bridge itself is. It is online as long as the connection stands, and its
    Last Will says when that is over, however it ends.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        gateway: str | None = None,
        topics: Sequence[str] = (),
        heard: Heard | None = None,
    ) -> None:
        self._address = address
        self._gateway = gateway
        self.is_online = True
        """What the gateway's status is whenever the connection is made."""
        self._topics = topics
        self._heard = heard
        self._client: aiomqtt.Client | None = None
        self._ended: asyncio.Future[None] | None = None
        """Of the connection that stands."""
        self._connected = asyncio.Event()

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        failures = 0
        there: bool | None = None
        while True:
            try:
                async with self._open() as client:
                    await self._say_status(client, online=self.is_online)
                    for topic in self._topics:
                        await client.subscribe(topic, qos=1)
                    if there is False:
                        log.warning("the broker is back")
                    there, failures = True, 0
                    await self._serve(client)
            except aiomqtt.MqttError as error:
                if there is not False:
                    log.warning("the broker is away (%s): what comes is kept, trying again", error)
                there = False
                await asyncio.sleep(BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)])
                failures += 1

    async def publish(self, message: Outgoing) -> None:
        """Return once the broker has acknowledged the message; waits for a broker that is away.

        A large one is given up, and that is said, once several connections in a row have ended over it.
        """
        attempts, size = 0, len(message.payload)
        while attempts < MOST_ATTEMPTS or size < LARGE_BYTES:
            await self._connected.wait()
            attempts += 1
            if await self._try(message, within_s=ACKNOWLEDGED_WITHIN_S + size / SLOWEST_BYTES_S):
                return
            await asyncio.sleep(AGAIN_AFTER_S)
        log.error(
            "a message of %d kB was given up: the broker took it in none of %d attempts",
            size // 1000,
            attempts,
        )

    async def _try(self, message: Outgoing, *, within_s: float) -> bool:
        """Publish once; tell whether it was acknowledged. A connection that ends is noticed at once."""
        client, ended = self._client, self._ended
        if client is None or ended is None:
            return False
        sending = asyncio.create_task(
            client.publish(message.topic, message.payload, 1, message.retain, timeout=within_s)
        )
        try:
            await asyncio.wait((sending, ended), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
            return sending.done()
        except aiomqtt.MqttError:
            return False
        finally:
            sending.cancel()

    async def leave(self) -> None:
        """Say that the bridge stops; waits for a broker that is away."""
        await self._connected.wait()
        if self._client is not None:
            await self._say_status(self._client, online=False)

    async def _say_status(self, client: aiomqtt.Client, *, online: bool) -> None:
        if self._gateway is not None:
            status = status_of(self._gateway, online=online)
            await client.publish(status.topic, status.payload, 1, status.retain)

    def _open(self) -> aiomqtt.Client:
        """MQTT 3.1.1, which every broker speaks."""
        gone = None if self._gateway is None else status_of(self._gateway, online=False)
        client = self._address.client(
            will=None if gone is None else aiomqtt.Will(gone.topic, gone.payload, 1, gone.retain),
            keepalive=KEEPALIVE_S,
            max_inflight_messages=WINDOW,
            logger=PAHO_LOG,
        )
        client.pending_calls_threshold = 2 * WINDOW
        return client

    async def _serve(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._ended = asyncio.get_running_loop().create_future()
        self._connected.set()
        try:
            async for message in client.messages:
                if self._heard is not None and isinstance(message.payload, bytes):
                    self._heard(str(message.topic), message.payload)
        finally:
            self._connected.clear()
            self._client = None
            self._ended.set_result(None)
