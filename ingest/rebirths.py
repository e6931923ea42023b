"""Edge nodes of Sparkplug that are asked to be born again, because their births are not known here."""

import asyncio
import logging
import time
from datetime import UTC, datetime

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from ingest.sparkplug import rebirth_request

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 60.0
"""One that does not answer is asked so seldom: births are long."""
RETRY_S = 5.0
TIMEOUT_S = 5.0
REMEMBERED = 10_000


class Rebirths:
    """Who is to be asked, and when each was asked last."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._asked_s: dict[str, float] = {}
        self._some = asyncio.Event()

    def note(self, topic: str) -> None:
        """Have an edge node asked by its topic of commands, unless it was asked just now."""
        now_s = time.monotonic()
        if now_s - self._asked_s.get(topic, -AGAIN_AFTER_S) < AGAIN_AFTER_S:
            return
        if len(self._asked_s) >= REMEMBERED:
            self._asked_s.clear()
        self._asked_s[topic] = now_s
        self._wanted.add(topic)
        self._some.set()

    async def ask(self, address: BrokerAddress) -> None:
        """Ask, for ever; the broker may be away for a while."""
        while True:
            await self._some.wait()
            self._some.clear()
            try:
                async with address.client(timeout=TIMEOUT_S) as client:
                    while self._wanted:
                        topic = next(iter(self._wanted))
                        await client.publish(topic, rebirth_request(datetime.now(UTC)), qos=0)
                        self._wanted.discard(topic)
            except aiomqtt.MqttError as error:
                log.warning("edge nodes are asked for their births in %.0f s: %s", RETRY_S, error)
                await asyncio.sleep(RETRY_S)
                self._some.set()
