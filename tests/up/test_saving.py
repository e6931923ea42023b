"""A broker that `up` brings along writes down what it holds."""

import asyncio
from pathlib import Path

import pytest

from gridwatch.cli.up import saving
from gridwatch.cli.up.saving import keep_saved


class SlowBroker:
    """Takes its time for each writing, and notes when one began and ended."""

    def __init__(self, file: Path, takes_s: float) -> None:
        self.file = file
        self.takes_s = takes_s
        self.begun: list[float] = []
        self.ended: list[float] = []
        self._writing: set[asyncio.Task[None]] = set()

    def save(self) -> None:
        """Begin a writing, as a broker that was sent the signal."""
        self._writing.add(asyncio.create_task(self._write()))

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        self.begun.append(loop.time())
        await asyncio.sleep(self.takes_s)
        self.file.write_text(str(len(self.ended)))
        self.ended.append(loop.time())


def test_a_broker_that_writes_long_is_left_alone_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "LEAST_S", 0.01)

    async def scene(takes_s: float) -> SlowBroker:
        broker = SlowBroker(tmp_path / f"{takes_s}.db", takes_s)
        keeping = asyncio.create_task(keep_saved(broker.file, broker.save))
        async with asyncio.timeout(30):
            while len(broker.ended) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        keeping.cancel()
        return broker

    broker = asyncio.run(scene(0.1))
    rests = [later - earlier for earlier, later in zip(broker.ended, broker.begun[1:], strict=False)]
    assert min(rests) >= saving.REST * broker.takes_s


def test_a_broker_that_did_not_hear_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "LEAST_S", 0.01)
    monkeypatch.setattr(saving, "REST", 1_000)
    monkeypatch.setattr(saving, "LOST_AFTER_S", 0.05)
    asked: list[int] = []

    async def scene() -> None:
        keeping = asyncio.create_task(keep_saved(tmp_path / "never.db", lambda: asked.append(1)))
        async with asyncio.timeout(30):
            while len(asked) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(scene())
