"""One connection to an MQTT broker, from its CONNECT to its end, in the event loop."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import BrokerError
from ingest.framing import Reader
from ingest.packets import (
    PING,
    Control,
    Delivery,
    Farewell,
    Granted,
    Greeting,
    MalformedPacket,
    Version,
    disconnect,
    reason_text,
    subscribe,
    unsubscribe,
)

KEEPALIVE_S = 30
CONNECT_WITHIN_S = 10.0
GREETING_WITHIN_S = 3.0
"""amqtt does not refuse an MQTT 5 client: it never answers."""
CLOSE_WITHIN_S = 3.0


class NotGreeted(BrokerError):
    """The broker did not answer a CONNECT; perhaps it does not speak that version."""


class Connection(asyncio.Protocol):
    """One connection: hands over what it brings, keeps itself alive, and says why it ended."""

    def __init__(
        self, version: Version, *, most_bytes: int, deliver: Callable[[list[Delivery]], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.version = version
        self._loop = loop
        self._deliver = deliver
        self._reader = Reader(version, most_bytes=most_bytes)
        self._greeting: asyncio.Future[Greeting] = loop.create_future()
        self._granted: asyncio.Future[Granted] = loop.create_future()
        self._ended: asyncio.Future[str] = loop.create_future()
        self._lost = asyncio.Event()
        self._heard = False
        self._ping: asyncio.TimerHandle | None = None

    async def greet(self, packet: bytes) -> Greeting:
        """Send CONNECT; return the broker's answer, or raise NotGreeted."""
        self.write(packet)
        await self._or_end(self._greeting, timeout_s=GREETING_WITHIN_S)
        if self._greeting.done():
            return self._greeting.result()
        if self._heard:
            raise BrokerError(self._ended.result() if self._ended.done() else "half an answer to CONNECT")
        raise NotGreeted("no answer to CONNECT")

    def stay(self, keepalive_s: int | None) -> None:
        """Ping from now on, within the keep-alive time that the broker demands, or ours."""
        self._heard = True
        self._keep_alive(min(keepalive_s or KEEPALIVE_S, KEEPALIVE_S) / 2)

    async def subscribe(self, topics: Sequence[str]) -> list[str]:
        """Subscribe with QoS 1; return why the broker refused some of it, in words."""
        self.write(subscribe(self.version, topics))
        await self._or_end(self._granted)
        if not self._granted.done():
            raise BrokerError(self._ended.result())
        reasons = self._granted.result().reasons
        if len(reasons) != len(topics):
            raise BrokerError("the broker's answer to SUBSCRIBE has not one reason for each topic")
        return [reason_text(reason) for reason in reasons if reason >= 0x80]

    def unsubscribe(self, topics: Sequence[str]) -> None:
        """Take subscriptions back that an earlier connection of the session may have made."""
        self.write(unsubscribe(self.version, topics))

    async def until_ended(self) -> str:
        """Wait for the end; return why it came."""
        return await asyncio.shield(self._ended)

    def write(self, packets: bytes) -> None:
        """Send packets, which must be whole."""
        self._transport.write(packets)

    def pause(self) -> None:
        """Read no more until `resume`."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._heard = True
        self._transport.resume_reading()

    async def close(self) -> None:
        """Say DISCONNECT and close; what the broker does not take in time is thrown away."""
        self._end("closed")
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._lost.wait()
        except TimeoutError:
            self._transport.abort()

    async def _or_end(self, answer: "asyncio.Future[Any]", *, timeout_s: float | None = None) -> None:
        """Wait for an answer, the end, or the time-out. Pings find out that a broker is gone."""
        either: set[asyncio.Future[Any]] = {answer, self._ended}
        await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_connection makes no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._ended.done():
            return
        try:
            controls, deliveries = self._reader.read(data, datetime.now(UTC))
        except MalformedPacket as error:
            self._end(f"the broker sent {error}", error.reason)
            return
        for control in controls:
            self._take(control)
        if deliveries:
            self._deliver(deliveries)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost.set()
        self._set_ended(str(error) if error else "the broker closed it")

    def _take(self, control: Control) -> None:
        if isinstance(control, Greeting):
            self._greeting.set_result(control)
        elif isinstance(control, Granted):
            if not self._granted.done():
                self._granted.set_result(control)
        elif isinstance(control, Farewell):
            self._set_ended(f"the broker ended it: {reason_text(control.reason)}")

    def _keep_alive(self, every_s: float) -> None:
        """Ping; the answer must come before the next ping, unless we don't read."""
        if not self._heard and self._transport.is_reading():
            self._end(f"no answer to a ping within {every_s:g} s")
            self._transport.abort()
            return
        self._heard = False
        self.write(PING)
        self._ping = self._loop.call_later(every_s, self._keep_alive, every_s)

    def _end(self, why: str, reason: int = 0) -> None:
        """Say goodbye and close, unless the end came already."""
        if not self._transport.is_closing():
            self.write(disconnect(self.version, reason))
            self._transport.close()
        self._set_ended(why)

    def _set_ended(self, why: str) -> None:
        if self._ping is not None:
            self._ping.cancel()
        if not self._ended.done():
            self._ended.set_result(why)


async def connected(
    address: BrokerAddress, version: Version, *, most_bytes: int, deliver: Callable[[list[Delivery]], None]
) -> Connection:
    """Open a connection, with TLS where the address says so; raises BrokerError."""
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(version, most_bytes=most_bytes, deliver=deliver),
                address.host,
                address.port,
                ssl=ssl.create_default_context() if address.tls else None,
            )
    except TimeoutError as error:
        raise BrokerError(f"no connection within {CONNECT_WITHIN_S:g} s") from error
    except OSError as error:
        raise BrokerError(str(error)) from error
    return connection
