"""A subscriber that keeps what a real broker delivers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiomqtt

from tests.servers import Mosquitto

WITHIN_S = 30.0


class Heard:
    """The messages so far, in order."""

    def __init__(self) -> None:
        self.messages: list[aiomqtt.Message] = []
        self._more = asyncio.Event()

    @property
    def topics(self) -> list[str]:
        """Return their topics."""
        return [str(message.topic) for message in self.messages]

    def add(self, message: aiomqtt.Message) -> None:
        """Keep one more."""
        self.messages.append(message)
        self._more.set()

    async def until(self, condition: Callable[[], bool], *, within_s: float = WITHIN_S) -> None:
        """Wait until `condition` holds; raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while not condition():
                self._more.clear()
                await self._more.wait()


def payload_of(message: aiomqtt.Message) -> bytes:
    """Return a message's bytes."""
    assert isinstance(message.payload, bytes)
    return message.payload


@asynccontextmanager
async def listening(broker: Mosquitto, topic: str = "gw/v1/#") -> AsyncIterator[Heard]:
    """Subscribe and keep what comes."""
    heard = Heard()
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe(topic, qos=1)

        async def listen() -> None:
            async for message in client.messages:
                heard.add(message)

        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
