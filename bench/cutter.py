"""A network that breaks in mid-packet: a proxy that ends each connection after a number of bytes."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

Address: TypeAlias = tuple[str, int] | Path
"""TCP host and port, or a Unix socket."""

CHUNK_BYTES = 65_536
STOPPED_WITHIN_S = 10.0


class Cutter:
    """Passes bytes on both ways; while `cutting`, each connection has a random number of bytes to live."""

    def __init__(self, listen: Address, upstream: Address, *, seed: int, budget: tuple[int, int]) -> None:
        self.cutting = False
        self.cuts = 0
        self._listen = listen
        self._upstream = upstream
        self._random = random.Random(seed)  # noqa: S311 - where a wire breaks is no secret
        self._budget = budget

    async def serve(self, started: threading.Event, stop: asyncio.Event) -> None:
        """Serve until `stop`."""
        if isinstance(self._listen, Path):
            server = await asyncio.start_unix_server(self._pass_on, self._listen)
        else:
            server = await asyncio.start_server(self._pass_on, *self._listen)
        started.set()
        await stop.wait()
        server.close()
        current = asyncio.current_task()
        for task in asyncio.all_tasks() - {current}:
            task.cancel()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            if isinstance(self._upstream, Path):
                there = await asyncio.open_unix_connection(self._upstream)
            else:
                there = await asyncio.open_connection(*self._upstream)
            ends.append(there[1])
            left = [self._random.randint(*self._budget)]
            pumps = [
                asyncio.ensure_future(self._pump(one, other, left))
                for one, other in ((reader, there[1]), (there[0], writer))
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass  # Nobody is there to pass on to: the connection ends, as with any other proxy.
        finally:
            for end in ends:
                end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: list[int]
    ) -> None:
        """Pass on one way until an end hangs up or the budget of both ways is used up."""
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                left[0] -= len(chunk)
                if left[0] < 0 and self.cutting:
                    writer.write(chunk[: left[0]])
                    self.cuts += 1
                    return
                writer.write(chunk)
                await writer.drain()


@contextmanager
def cutter(listen: Address, upstream: Address, *, seed: int, budget: tuple[int, int]) -> Iterator[Cutter]:
    """Run a proxy in a thread of its own for the length of the block."""
    proxy, started, stop = (
        Cutter(listen, upstream, seed=seed, budget=budget),
        threading.Event(),
        asyncio.Event(),
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(
        target=loop.run_until_complete, args=(proxy.serve(started, stop),), name="cutter"
    )
    thread.start()
    try:
        if not started.wait(STOPPED_WITHIN_S):
            raise RuntimeError(f"the proxy can't listen on {listen}")
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(STOPPED_WITHIN_S)
        loop.close()
