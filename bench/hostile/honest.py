"""Devices that do as they should while others try."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.hostile.target import HONEST, Target
from bench.raw_mqtt import PUBACK, publish

READING_EVERY_S = 0.1


@dataclass
class Honest:
    """Devices that publish as they should, and what they wait."""

    target: Target
    waits_s: list[tuple[float, float]] = field(default_factory=list)
    sent: int = 0
    failed: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Publish for the length of the block."""
        threads = [
            threading.Thread(target=self._publish, args=(f"honest-{number}",), name=f"honest {number}")
            for number in range(HONEST)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(30)

    def between(self, begin: float, end: float) -> list[float]:
        """Return the waits of a time, in milliseconds."""
        return [wait * 1e3 for at, wait in self.waits_s if begin <= at < end]

    def _publish(self, name: str) -> None:
        wire = self.target.device(name)
        if wire is None:
            self.failed.append(f"{name} is not let in")
            return
        seq = 0
        with wire:
            while not self._over.wait(READING_EVERY_S):
                seq += 1
                reading = {"t": time.time(), "seq": seq, "values": {"temperature_c": 21.5}}
                began = time.monotonic()
                wire.send(
                    publish(f"gw/v1/{name}/readings", json.dumps(reading).encode(), mid=seq % 60_000 + 1)
                )
                if wire.wait_for(PUBACK, within_s=60) is None:
                    self.failed.append(f"{name} lost its connection")
                    return
                with self._lock:
                    self.sent += 1
                    self.waits_s.append((began, time.monotonic() - began))
