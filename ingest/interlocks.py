"""The interlocks of lifts, driven by pictures that were looked at and by what lifts and people say.

A picture counts once it is recorded, from the lane that looked at it. What a lift is asked goes through the
outbox; it lapses by itself, so that nothing here has to be alive for the lift to go on. A collector that
begins knows nothing of what was in a cabin, and asks for nothing before it has seen it.
"""

import asyncio
import contextlib
import logging
import math
import time
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gridwatch.commands import SHORTEST_S, Action, Order
from gridwatch.errors import NotAllowed, StoreError
from gridwatch.interlock import Ended, Interlock, Look, Mode, Note, State, Step
from gridwatch.model import Device, DeviceFinding, DeviceKind, Finding, Frame, Severity
from gridwatch.store import Store
from gridwatch.store.entries import Accepted, Entry
from gridwatch.store.lifts import (
    CHANNEL,
    Lift,
    add_watched,
    ask,
    begin_hold,
    end_hold,
    enter,
    find_lift,
    tell_people,
    tell_state,
)

log = logging.getLogger(__name__)

TICK_S = 0.2
TELL_S = 2.0
"""How often a hold that goes on is written down; who reads of it believes 5 s."""
LOOK_UP_S = 5.0
"""How often a lift that is watched is looked up anew: a disabling ends by the clock."""
WATCHED_S = 30.0
CARRY_TIMEOUT_S = 2.0
"""What the database has not taken by then comes too late for a door."""
LISTEN_S, RECONNECT_S = 60.0, 1.0

CAMERA_S = 5.0
"""Of several cameras in a lift one counts, until it was silent for so long."""
FORGET_S = 300.0

JUMP_S = 10.0
"""For so long after a jump of our clock, what was received is dated by the reckoning that makes it older."""
STEADY_S, SETTLED_S = 0.3, 1.0
"""A camera whose pictures come less and less late is catching up: none counts until that is over."""
USUAL_S = 60.0


class Arrivals:
    """When messages came by the monotonic clock, from the wall clock's time; never later than they did."""

    def __init__(self) -> None:
        self._offsets: deque[tuple[float, float]] = deque()

    def at_s(self, received_at: datetime) -> float:
        """Return when something was received; around a jump of the clock it may seem older, never younger."""
        now_s = self.note()
        return min(now_s, received_at.timestamp() - max(offset for _, offset in self._offsets))

    def note(self) -> float:
        """Compare the two clocks, as must be done again and again; return the monotonic one."""
        now_s = time.monotonic()
        self._offsets.append((now_s, time.time() - now_s))
        while self._offsets[0][0] < now_s - JUMP_S:
            self._offsets.popleft()
        return now_s


@dataclass(slots=True)
class Lateness:
    """By how much a camera's pictures come later than usual, whatever its clock says."""

    least_s: float = math.inf
    before_s: float = math.inf
    since_s: float = -math.inf
    mark_s: float = math.inf
    settled_at_s: float = math.inf

    def of(self, taken_at: datetime, received_at: datetime, now_s: float) -> float:
        """Return the seconds; infinite while pictures that had waited are being caught up with."""
        late_s = (received_at - taken_at).total_seconds()
        if now_s - self.since_s > USUAL_S:
            self.before_s, self.least_s, self.since_s = self.least_s, math.inf, now_s
        if late_s < self.mark_s - STEADY_S:
            self.mark_s, self.settled_at_s = late_s, now_s + SETTLED_S
        self.least_s = min(self.least_s, late_s)
        usual_s = min(self.least_s, self.before_s)
        if usual_s > self.mark_s + STEADY_S:
            self.mark_s = usual_s
        return math.inf if now_s < self.settled_at_s else late_s - usual_s


@dataclass(slots=True)
class Guarded:
    """A lift that a camera of ours looks into."""

    id: str
    lift: Lift | None = None
    interlock: Interlock | None = None
    camera: str = ""
    camera_s: float = -math.inf
    lateness: Lateness = field(default_factory=Lateness)
    steps: deque[tuple[float, Step]] = field(default_factory=deque)
    """What is to be carried out, and when it was decided."""
    changed: bool = True
    looked_up_s: float = -math.inf
    hold: int | None = None
    ended: Ended = Ended.FAULT
    told: tuple[State, str] | None = None
    told_s: float = -math.inf
    watched_s: float = 0.0
    busy: bool = False

    def take(self, step: Step, now_s: float) -> None:
        """Remember what is to be carried out."""
        if step.ended is not None:
            self.ended = step.ended
        if step.orders or step.notes:
            self.steps.append((now_s, step))


class Interlocks:
    """The interlocks of one process."""

    def __init__(self, store: Store, extra_alarms: Mapping[str, Severity]) -> None:
        self._store = store
        self._extra_alarms = extra_alarms
        self._lifts: dict[str, Guarded] = {}
        self._arrivals = Arrivals()
        self._wake = asyncio.Event()
        self._flushed_s = time.monotonic()

    def looked(self, entry: Entry) -> None:
        """Take in a picture that was looked at, or a camera's own finding, once it is recorded."""
        if not isinstance(entry, Accepted) or not isinstance(entry.message, Frame | DeviceFinding):
            return
        lift = lift_of(entry.known.device)
        if lift is None:
            return
        now_s, at_s = time.monotonic(), self._arrivals.at_s(entry.received_at)
        guarded = self._lifts.setdefault(lift, Guarded(id=lift))
        if guarded.camera != entry.known.device.id:
            if now_s - guarded.camera_s < CAMERA_S:
                return
            guarded.camera, guarded.lateness = entry.known.device.id, Lateness()
        late_s = guarded.lateness.of(_taken_at(entry.message), entry.received_at, now_s)
        guarded.watched_s += min(now_s - guarded.camera_s, CAMERA_S) if guarded.camera_s > 0 else 0.0
        guarded.camera_s = now_s
        if guarded.interlock is not None:
            look = Look(at_s=at_s - late_s, scores=scores_of(entry), picture=_picture(entry.message))
            guarded.take(guarded.interlock.see(look, now_s), now_s)
        self._wake.set()

    async def run(self) -> None:
        """Carry out what follows, for ever; what the database does not take in time is left undone."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="words of lifts")
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self._wake.wait()
                self._wake.clear()
                now_s = self._arrivals.note()
                for guarded in [*self._lifts.values()]:
                    self._tick(guarded, now_s)
                    if not guarded.busy and _has_work(guarded, now_s):
                        guarded.busy = True
                        tasks.create_task(self._work(guarded), name=f"lift {guarded.id}")
                if now_s - self._flushed_s >= WATCHED_S:
                    self._flushed_s = now_s
                    tasks.create_task(self._flush(), name="watched")

    def _tick(self, guarded: Guarded, now_s: float) -> None:
        if guarded.interlock is None:
            return
        guarded.take(guarded.interlock.tick(now_s), now_s)
        if now_s - guarded.camera_s > FORGET_S and not guarded.busy and guarded.hold is None:
            del self._lifts[guarded.id]

    async def _listen(self) -> None:
        while True:
            try:
                async for lift in self._store.listen(CHANNEL, wait_s=LISTEN_S):
                    if lift in self._lifts:
                        self._lifts[lift].changed = True
                        self._wake.set()
            except StoreError as error:
                log.warning("lifts are not heard, trying again: %s", error)
                await asyncio.sleep(RECONNECT_S)
            for guarded in self._lifts.values():
                guarded.changed = True

    async def _work(self, guarded: Guarded) -> None:
        """Bring one lift and the database to what its interlock says."""
        try:
            async with asyncio.timeout(CARRY_TIMEOUT_S):
                if guarded.changed or time.monotonic() - guarded.looked_up_s >= LOOK_UP_S:
                    await self._look_up(guarded)
                if guarded.lift is not None and guarded.interlock is not None:
                    await self._carry_out(guarded, guarded.lift, guarded.interlock)
        except NotAllowed as error:
            log.info("%s", error)
            guarded.changed = True
        except (StoreError, TimeoutError) as error:
            log.warning("lift %s goes on by itself: %s", guarded.id, str(error) or "the database is slow")
            guarded.steps.clear()
            guarded.changed = True
            await asyncio.sleep(TICK_S)
        finally:
            guarded.busy = False

    async def _look_up(self, guarded: Guarded) -> None:
        guarded.changed = False
        lift = await find_lift(self._store, guarded.id)
        now_s = guarded.looked_up_s = time.monotonic()
        if lift is None:
            self._lifts.pop(guarded.id, None)
            return
        known, guarded.lift = guarded.lift, lift
        if guarded.interlock is None or known is None:
            guarded.interlock = Interlock(
                lift.wiring,
                now_s,
                spent_s=lift.spent_s,
                cool_down_s=lift.cool_down_s,
                waits_for_clear=lift.state is State.OVERRIDE,
            )
            await enter(self._store, lift)
        elif lift.releases != known.releases:
            guarded.take(guarded.interlock.release(now_s, is_false=lift.released_false), now_s)
        guarded.take(guarded.interlock.rewire(lift.wiring, now_s), now_s)
        guarded.take(guarded.interlock.hear(lift.word, now_s), now_s)

    async def _carry_out(self, guarded: Guarded, lift: Lift, interlock: Interlock) -> None:
        if interlock.is_holding and guarded.hold is None:
            guarded.hold = await begin_hold(self._store, lift, guarded.camera)
        while guarded.steps:
            decided_s, step = guarded.steps.popleft()
            orders = _still_good(step.orders, time.monotonic() - decided_s)
            if orders:
                await ask(self._store, lift, orders, hold=guarded.hold, spent_s=interlock.spent_s)
            for note in step.notes:
                await self._tell_people(lift, note)
        if guarded.hold is not None and not interlock.is_holding:
            await end_hold(self._store, guarded.hold, guarded.ended)
            guarded.hold = None
        await self._tell_state(guarded, lift, interlock)

    async def _tell_state(self, guarded: Guarded, lift: Lift, interlock: Interlock) -> None:
        now_s, stands = time.monotonic(), (interlock.state, interlock.why)
        if stands == guarded.told and not (interlock.is_holding and now_s - guarded.told_s >= TELL_S):
            return
        await tell_state(
            self._store,
            lift,
            state=interlock.state,
            why=interlock.why,
            camera=guarded.camera,
            spent_s=interlock.spent_s,
            hold=guarded.hold,
        )
        guarded.told, guarded.told_s = stands, now_s

    async def _tell_people(self, lift: Lift, note: Note) -> None:
        """Tell what people must know; of a lift that is only observed nobody held the door."""
        if note is Note.HELD_TOO_LONG and lift.wiring.mode is Mode.OBSERVE:
            return
        await tell_people(self._store, lift, note, self._extra_alarms, now=datetime.now(UTC))

    async def _flush(self) -> None:
        """Add up for how long cabins were watched; what the database does not take is tried again."""
        watched = {
            one.lift.key: (one, one.watched_s)
            for one in self._lifts.values()
            if one.lift is not None and one.watched_s > 0
        }
        if not watched:
            return
        try:
            await add_watched(self._store, {key: seconds for key, (_, seconds) in watched.items()})
        except StoreError as error:
            log.warning("watched time of lifts is not written: %s", error)
            return
        for one, seconds in watched.values():
            one.watched_s -= seconds


def lift_of(device: Device) -> str | None:
    """Return the lift that a device looks into: the one it names, or the lift that is called as it is."""
    if device.kind is not DeviceKind.CAMERA:
        return None
    return device.lift or (device.id if device.scene == "elevator" else None)


def _has_work(guarded: Guarded, now_s: float) -> bool:
    if guarded.interlock is None or guarded.changed or guarded.steps:
        return True
    stands = (guarded.interlock.state, guarded.interlock.why)
    told_is_old = guarded.interlock.is_holding and now_s - guarded.told_s >= TELL_S
    holds_otherwise = (guarded.hold is not None) != guarded.interlock.is_holding
    is_due = now_s - guarded.looked_up_s >= LOOK_UP_S
    return stands != guarded.told or told_is_old or holds_otherwise or is_due


def _still_good(orders: tuple[Order, ...], waited_s: float) -> list[Order]:
    """Return orders without what waited too long; a hold lasts for so much less, a release is never late."""
    good: list[Order] = []
    for order in orders:
        if order.action == Action.RELEASE:
            good.append(order)
        elif order.ttl_s - waited_s >= SHORTEST_S and waited_s < CARRY_TIMEOUT_S:
            good.append(Order.of(order.action, order.params, order.ttl_s - waited_s))
    return good


def _taken_at(message: Frame | DeviceFinding) -> datetime:
    return message.observed_at if isinstance(message, Frame) else message.finding.observed_at


def _picture(message: Frame | DeviceFinding) -> int | None:
    return zlib.crc32(message.image) if isinstance(message, Frame) else None


def scores_of(entry: Accepted) -> Mapping[str, float]:
    """Return how surely what is seen now: our detector says so of each frame, a camera with each finding.

    A finding that has ended shows nothing.
    """
    if isinstance(entry.message, Frame):
        return entry.scores
    scores: dict[str, float] = {}
    for concluded in entry.concluded:
        finding: Finding = concluded.finding
        if finding.ended_at is None:
            scores[finding.label] = max(finding.confidence, scores.get(finding.label, 0.0))
    return scores
