"""Brokers that say what a test wants, and a way between a client and a real broker."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

GREETING = bytes.fromhex("2003000000")
GREETING_311 = bytes.fromhex("20020000")
GRANTED = bytes.fromhex("900400010001")


class ScriptedBroker:
    """Answers each connection's first packet with the next of `answers`, then only listens.

    `heard` holds what each connection sent, `ended` how many of them are over.
    """

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.heard: list[bytearray] = []
        self.ended = 0
        self.writers: list[asyncio.StreamWriter] = []
        self._answers = list(answers)

    @classmethod
    @asynccontextmanager
    async def running(cls, *answers: bytes) -> AsyncIterator["tuple[ScriptedBroker, str]"]:
        """Serve on loopback; yield the broker and its address."""
        broker = cls(answers)
        server = await asyncio.start_server(broker._serve, "127.0.0.1", 0)
        try:
            yield broker, f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for writer in broker.writers:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = bytearray()
        self.heard.append(heard)
        self.writers.append(writer)
        while said := await reader.read(65_536):
            if not heard and self._answers:
                writer.write(self._answers.pop(0))
            heard += said
        self.ended += 1
        writer.close()


@asynccontextmanager
async def way_to(
    port: int, *, refuse_five: bool = False, piece: int = 65_536, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Pass bytes on to and from a broker in pieces; yield the port to connect to.

    With `refuse_five` it refuses MQTT 5 in the words of a broker that knows only 3.1.1.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        first = await reader.readexactly(9)
        if refuse_five and first.endswith(b"MQTT\x05"):
            writer.write(b"\x20\x02\x00\x01")
            writer.close()
            return
        there, to_there = await asyncio.open_connection("127.0.0.1", port)
        to_there.write(first)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, to_there, 65_536))
                both.create_task(_pass_on(there, writer, piece))
        finally:
            to_there.close()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, piece: int) -> None:
    while said := await reader.read(piece):
        writer.write(said)
        await writer.drain()
        await asyncio.sleep(0)
    writer.close()
