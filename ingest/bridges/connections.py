"""Devices' connections to the ThingsBoard bridge: MQTT, each message acknowledged in its turn."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence

from gridwatch.errors import StoreError
from ingest.bridges import mqtt_server as mqtt
from ingest.bridges.mqtt_server import ClientReader, ProtocolViolation
from ingest.bridges.publisher import Outgoing
from ingest.bridges.thingsboard import Client, ThingsBoard

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 10.0
REFUSAL_AFTER_S = 1.0
"""So that tokens are not tried by the thousand."""
MOST_CONNECTIONS = 4096
MOST_FILTERS = 100
MOST_PER_S, BURST = 200.0, 2000.0
"""Messages of one connection: what comes faster waits, so that one device that floods does not hold up the
others. A gateway may send so many at once after an outage."""
SAID_EVERY_S = 60.0
MOST_UNREAD_BYTES = 2**20
"""Of commands and answers that a client does not read; then its connection ends."""


async def serve_mqtt(board: ThingsBoard, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Serve devices until cancelled."""
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(connections) >= MOST_CONNECTIONS:
            log.warning("a client was sent away: %d connections are open", len(connections))
            writer.close()
            return
        task = asyncio.create_task(Connection(board, reader, writer).run(), name="device")
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accept, sock=listening, ssl=tls, limit=65_536)
    try:
        await server.serve_forever()
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


class Connection:
    """One connection from its CONNECT to its end."""

    def __init__(
        self, board: ThingsBoard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._board = board
        self._reader = reader
        self._writer = writer
        self._packets = ClientReader()
        self._allowed, self._allowed_at = BURST, asyncio.get_running_loop().time()
        self._said_at = -SAID_EVERY_S
        self._waiting: asyncio.Queue[tuple[int, asyncio.Task[None]]] = asyncio.Queue(mqtt.WINDOW)

    async def run(self) -> None:
        """Serve until the client leaves, falls silent, or does what MQTT does not allow."""
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                first = await self._next()
            if first:
                await self._greet(first)
        except mqtt.UnknownVersion as error:
            self._writer.write(mqtt.connack(mqtt.V311, mqtt.WRONG_VERSION))
            log.info("a client was sent away: %s", error)
        except (ProtocolViolation, TimeoutError, ConnectionError) as error:
            log.info("a client was sent away: %s", error or type(error).__name__)
        finally:
            self._writer.close()

    async def _greet(self, packets: Sequence[mqtt.Packet]) -> None:
        connect, *further = packets
        if not isinstance(connect, mqtt.Connect):
            raise ProtocolViolation("the first packet is not CONNECT")
        token = connect.username or ""
        try:
            identity = await self._board.credentials.verify(token) if token else None
            names = await self._board.credentials.names(identity.device) if identity else {}
        except StoreError:
            await self._refuse(connect, mqtt.UNAVAILABLE)
            return
        if identity is None:
            await self._refuse(connect, mqtt.NOT_AUTHORIZED if token else mqtt.NO_USERNAME)
            return
        assigned = "" if connect.client_id else f"gridwatch-{id(self):x}"
        self._writer.write(mqtt.connack(connect.version, mqtt.ACCEPTED, assigned=assigned))
        client = Client(
            identity=identity,
            token=token,
            names=names,
            version=connect.version,
            write=self._write,
            close=self._close,
        )
        acknowledging = asyncio.create_task(self._acknowledge(), name="acknowledge")
        self._board.enter(client)
        try:
            await self._serve(client, further, 1.5 * connect.keepalive_s or None)
        finally:
            self._board.leave(client)
            acknowledging.cancel()
            while not self._waiting.empty():
                self._waiting.get_nowait()[1].cancel()

    async def _refuse(self, connect: mqtt.Connect, code: int) -> None:
        await asyncio.sleep(REFUSAL_AFTER_S)
        self._writer.write(mqtt.connack(connect.version, code))

    async def _serve(self, client: Client, packets: Sequence[mqtt.Packet], silence_s: float | None) -> None:
        while True:
            for packet in packets:
                if isinstance(packet, mqtt.Disconnect):
                    return
                await self._take(client, packet)
            async with asyncio.timeout(silence_s):
                packets = await self._next()
            if not packets:
                return

    async def _next(self) -> list[mqtt.Packet]:
        """Return the next packets; none at the end of the connection. Raises ProtocolViolation."""
        while data := await self._reader.read(65_536):
            if packets := self._packets.feed(data):
                return packets
        return []

    async def _take(self, client: Client, packet: mqtt.Packet) -> None:
        match packet:
            case mqtt.Publish():
                await self._slow_down(client)
                messages = self._board.translate(client, packet.topic, packet.payload)
                publishing = asyncio.create_task(self._publish(messages), name="publish")
                # Waits while WINDOW are under way, and the client is not read meanwhile.
                await self._waiting.put((packet.packet_id, publishing))
            case mqtt.Subscribe(leave=True):
                client.filters.difference_update(packet.filters)
                self._write(mqtt.unsuback(client.version, packet.packet_id, len(packet.filters)))
            case mqtt.Subscribe():
                if len(client.filters.union(packet.filters)) > MOST_FILTERS:
                    raise ProtocolViolation("too many subscriptions")
                client.filters.update(packet.filters)
                self._write(mqtt.suback(client.version, packet.packet_id, len(packet.filters)))
            case mqtt.Ping():
                self._write(mqtt.PONG)

    async def _slow_down(self, client: Client) -> None:
        """Wait until the client may send one more message."""
        now = asyncio.get_running_loop().time()
        self._allowed = min(BURST, self._allowed + (now - self._allowed_at) * MOST_PER_S) - 1
        self._allowed_at = now
        if self._allowed >= 0:
            return
        if now - self._said_at > SAID_EVERY_S:
            self._said_at = now
            log.warning("%s: sends more than %g messages a second, and is slowed", client.device, MOST_PER_S)
        await asyncio.sleep(-self._allowed / MOST_PER_S)

    async def _publish(self, messages: Sequence[Outgoing]) -> None:
        await asyncio.gather(*map(self._board.publisher.publish, messages))

    async def _acknowledge(self) -> None:
        """Acknowledge in the order of receipt, each message once all that it became is acknowledged."""
        while True:
            packet_id, publishing = await self._waiting.get()
            await publishing
            if packet_id:
                self._write(mqtt.puback(packet_id))

    def _write(self, data: bytes) -> None:
        if self._writer.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            self._close()
        elif not self._writer.is_closing():
            self._writer.write(data)

    def _close(self) -> None:
        self._writer.transport.abort()
