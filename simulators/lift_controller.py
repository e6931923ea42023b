"""A lift over MQTT that obeys, refuses and fails as a real one: its door is its own, whoever asks.

Its door stays open for no request longer than that lasts, in seconds that it counts itself. A relay is a
contact beside the door-open button: it knows nothing of the lift, says no state, and has an off-timer.
"""

import asyncio
import contextlib
import json
import logging
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from gridwatch.commands import HOLD_LONGEST_S
from gridwatch.wire import topic_of
from simulators.link import open_client

log = logging.getLogger(__name__)

RIDE_S = 8.0

OFF_TIMER_S = 240.0
"""A relay opens its contact after so long, whatever it is told, until it was open for `REST_S`."""
REST_S = 10.0

SAY_EVERY_S = 2.0
TURN_S = 0.1
RECONNECT_S = 0.5


class Wired(StrEnum):
    """What stands between us and the lift."""

    CONTROLLER = "controller"
    RELAY = "relay"


@dataclass(slots=True)
class Cabin:
    """A lift by itself: its door, its ride, its mode, and until when somebody may hold its door.

    All times are its own seconds.
    """

    wired: Wired = Wired.CONTROLLER
    mode: str = "normal"
    door: str = "open"
    moving: bool = False
    until_s: float = -math.inf
    """When the last request lapses."""
    last_seq: int = -1
    """Of what it was asked about its door."""
    spoken: list[str] = field(default_factory=list)
    closed_since_s: float | None = None
    """Since when the relay's contact is closed."""
    rests_until_s: float = -math.inf
    rides_at_s: float = math.inf
    arrives_at_s: float = math.inf

    def is_held(self, now_s: float) -> bool:
        """Say whether somebody holds its door open now."""
        return now_s < self.until_s and now_s >= self.rests_until_s and self._why_not() is None

    def state(self, now_s: float, at: float) -> Mapping[str, Any]:
        """Return what it says of itself; `at` is the time by its wall clock."""
        return {
            "t": at,
            "door": "open" if self.is_held(now_s) else self.door,
            "moving": self.moving,
            "door_zone": not self.moving,
            "mode": self.mode,
        }

    def obey(self, command: Mapping[str, Any], now_s: float, at: float) -> tuple[bool, str]:
        """Do what is asked, or say why not. An old request, or one that came twice, is none."""
        action, seq = str(command["action"]), int(command["seq"])
        left_s = min(float(command["ttl_s"]), float(command["expires_at"]) - at)
        if left_s <= 0:
            return False, "it is over"
        if action == "speak":
            self.spoken.append(str(command["params"]["text"]))
            return True, ""
        if action not in ("hold_open", "release"):
            return False, f"it knows no {action[:40]!r}"
        if seq <= self.last_seq:
            return False, f"number {seq} is older than {self.last_seq}"
        self.last_seq = seq
        if action == "hold_open":
            return self._hold(min(left_s, HOLD_LONGEST_S), now_s)
        self.until_s = now_s
        return True, ""

    def turn(self, now_s: float) -> None:
        """Let time pass: doors close, the lift rides and arrives, the relay's timer runs out."""
        self._run_timer(now_s)
        if self.arrives_at_s <= now_s:
            self.moving, self.door, self.arrives_at_s = False, "open", math.inf
        if self.rides_at_s <= now_s and not self.is_held(now_s):
            self.moving, self.door = True, "closed"
            self.arrives_at_s, self.rides_at_s = now_s + RIDE_S, math.inf

    def ride(self, now_s: float) -> None:
        """Let somebody press a button: it goes as soon as its door is free."""
        self.rides_at_s = now_s

    def reboot(self) -> None:
        """Forget everything, as after a loss of power; what was held is free."""
        self.until_s, self.last_seq = -math.inf, -1
        self.closed_since_s = None

    def _hold(self, left_s: float, now_s: float) -> tuple[bool, str]:
        if (why := self._why_not()) is not None:
            return False, why
        if now_s < self.rests_until_s:
            return False, "the off-timer ran out"
        self.until_s = now_s + left_s
        return True, ""

    def _why_not(self) -> str | None:
        """A relay is a button: what it closes has no effect while the lift does not heed the button."""
        if self.mode != "normal":
            return f"mode {self.mode}"
        return "it is moving" if self.moving else None

    def _run_timer(self, now_s: float) -> None:
        if self.wired is not Wired.RELAY or now_s >= self.until_s:
            self.closed_since_s = None
            return
        if self.closed_since_s is None:
            self.closed_since_s = now_s
        if now_s - self.closed_since_s >= OFF_TIMER_S:
            self.until_s, self.rests_until_s, self.closed_since_s = now_s, now_s + REST_S, None


class LiftController:
    """A cabin on a broker."""

    def __init__(
        self,
        address: BrokerAddress,
        lift: str,
        *,
        wired: Wired = Wired.CONTROLLER,
        lose: float = 0.0,
        trips_s: float = 0.0,
        seed: int = 1,
        tell: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        """`lose`: share of messages, in and out, that get lost; `trips_s`: a ride every so often, 0: none.

        `tell` is told of each command, of each change of its state and of its door.
        """
        self.cabin = Cabin(wired=wired)
        self._address = address
        self._lift = lift
        self._lose = lose
        self._trips_s = trips_s
        self._random = random.Random(seed)
        self._tell = tell
        self._said: Mapping[str, Any] = {}
        self._said_s = -math.inf
        self._was_held = False

    async def run(self, *, for_s: float | None = None) -> None:
        """Be the lift until the time is over, or for ever; a broker that is away is waited for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass_time(), name="the lift's time")
                while True:
                    try:
                        async with open_client(self._address) as client:
                            await client.subscribe(topic_of(self._lift, "command"), qos=1)
                            await self._serve(client)
                    except* aiomqtt.MqttError as errors:
                        log.info("lift %s is without a broker: %s", self._lift, errors.exceptions[0])
                        await asyncio.sleep(RECONNECT_S)

    async def _serve(self, client: aiomqtt.Client) -> None:
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(self._say(client), name="state")
            async for message in client.messages:
                if not self._is_lost():
                    await self._heed(client, message.payload)
            telling.cancel()

    async def _heed(self, client: aiomqtt.Client, payload: Any) -> None:
        command = json.loads(bytes(payload))
        ok, detail = self.cabin.obey(command, time.monotonic(), time.time())
        self._tell(
            {
                "t": time.time(),
                "command": command["action"],
                "seq": command["seq"],
                "ok": ok,
                "detail": detail,
            }
        )
        answer = {"id": command["id"], "ok": ok, "detail": detail}
        await self._publish(client, "command/result", answer)

    async def _pass_time(self) -> None:
        """Let its own time pass, also without a broker: its door knows nothing of us."""
        next_s = time.monotonic() + self._trips_s if self._trips_s else math.inf
        while True:
            now_s = time.monotonic()
            if now_s >= next_s:
                self.cabin.ride(now_s)
                next_s = now_s + self._trips_s
            self.cabin.turn(now_s)
            if self.cabin.is_held(now_s) != self._was_held:
                self._was_held = not self._was_held
                self._tell({"t": time.time(), "held": self._was_held})
            await asyncio.sleep(TURN_S / 2)

    async def _say(self, client: aiomqtt.Client) -> None:
        """Say the state when it changes and every few seconds; a relay knows none."""
        while self.cabin.wired is Wired.CONTROLLER:
            now_s = time.monotonic()
            state = dict(self.cabin.state(now_s, time.time()))
            now_said = {name: value for name, value in state.items() if name != "t"}
            if now_said != self._said or now_s - self._said_s >= SAY_EVERY_S:
                self._said, self._said_s = now_said, now_s
                await self._publish(client, "state", state)
            await asyncio.sleep(TURN_S)

    async def _publish(self, client: aiomqtt.Client, kind: str, body: Mapping[str, Any]) -> None:
        if not self._is_lost():
            await client.publish(topic_of(self._lift, kind), json.dumps(body).encode(), qos=1)

    def _is_lost(self) -> bool:
        return self._random.random() < self._lose


def held_spans(events: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Return from when to when a lift was held, by what it told of its door."""
    spans, began = [], None
    for event in events:
        if event.get("held") is True:
            began = float(event["t"])
        elif event.get("held") is False and began is not None:
            spans.append((began, float(event["t"])))
            began = None
    return spans if began is None else [*spans, (began, math.inf)]
