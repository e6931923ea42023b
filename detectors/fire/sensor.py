"""Fire from the readings of sensors: several quantities that agree, or one that is beyond doubt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from math import exp

import numpy as np

from detectors.fire.channels import (
    CUSUM_HELD,
    CUSUM_MINUTE_S,
    FAST_OF,
    TOGETHER_HELD,
    TOGETHER_WARNS,
    Channel,
    Numbers,
    add_up_together,
    take_in,
)
from detectors.fire.contacts import CLOSED, CONTACTS
from detectors.fire.levels import LEVELS, WITNESSES
from detectors.fire.memory import IS_WITNESS, QUANTITIES, SensorStates, Watch
from gridwatch.fire_fusion import UNCONFIRMED, WARNING
from gridwatch.model import Finding, Observation, Severity

FRESH = 8
"""Observations of the device for which a quantity's last readings stand while only others are sent."""
AGREEING = 10
"""Readings on which two witnesses agree that raise an alarm whatever lies between them."""
REPEAT = 10
"""Readings of a lasting alarm after which it is reported again: an alert that someone closed too early comes
back as fast as any ten agreeing readings would raise it."""
REPEAT_AFTER = timedelta(minutes=30)
"""Observed time after which a lasting alarm is reported again: it no longer merges into the old alert."""

ALARM_SCORE = 1.0
RELEASE_SCORE = 0.5
"""An alarm ends when no witness is held any more."""
CRITICAL_SCORE = 2.0
WORSE_BY = 0.5
"""A score that much higher than last reported is news."""
CONFIDENCE_RATE = 0.95
"""Confidence is 1 - exp(-rate · score): 0.61 at the alarm score, 0.85 at the critical one."""
CONTACT_CONFIDENCE = 0.99
"""A certified detector's own alarm contact."""

MAX_LAYOUTS = 4096
"""Names of quantities, as they come together in an observation, that are remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Which quantities of LEVELS an observation has, their indexes there, and whether it has contacts."""

    names: tuple[str, ...]
    quantities: Numbers
    has_contacts: bool

    def values(self, alike: Sequence[Observation]) -> Numbers:
        """Return the quantities' values, (observations, quantities)."""
        rows = [[one.values[name] for name in self.names] for one in alike]
        return np.array(rows, np.float64).reshape(len(alike), len(self.names))


@dataclass(frozen=True, slots=True)
class Felt:
    """One observation of a sensor, and what is remembered when it was taken in."""

    observation: Observation
    channels: Mapping[str, Channel]
    watch: Watch
    heard: int
    alarm_score: float
    together: float

    def fresh(self) -> Iterator[tuple[str, Channel]]:
        """Yield the quantities that were heard of lately."""
        return ((name, one) for name, one in self.channels.items() if one.heard > self.heard - FRESH)


class FireSensorDetector:
    """Votes over the last readings of each quantity and adds up the quantities that are held.

    Votes count readings, never seconds, and fixed levels stand beside the learned ones: neither slow
    reporting nor a drifted baseline can keep an alarm down. The contact `smoke_alarm` is not put to a vote;
    closed by the test button it is no alarm. One witness alone is a warning; together they are an alarm.
    """

    @property
    def name(self) -> str:
        """Name and version."""
        return "fire-sensor/2"

    def new_states(self) -> SensorStates:
        """Make a memory of sensors in which none was heard yet."""
        return SensorStates()

    def feel(self, states: SensorStates, observations: Sequence[Observation]) -> list[tuple[int, Finding]]:
        """Take in observations; late ones count like others, one sent twice counts once.

        Return each finding with the index of its observation, a device's own in their order.
        """
        return [
            found
            for layout, chosen in _parts(observations)
            for found in self._feel_alike(states, layout, observations, np.array(chosen))
        ]

    def _feel_alike(
        self, states: SensorStates, layout: Layout, observations: Sequence[Observation], chosen: Numbers
    ) -> Iterator[tuple[int, Finding]]:
        """Take in observations of the same quantities, each of another device."""
        alike = [observations[index] for index in chosen]
        rows = states.rows_of(alike)
        moments = np.array([one.observed_at.timestamp() for one in alike])
        is_new = states.note(rows, moments, [one.seq for one in alike])
        if not is_new.all():
            rows, moments, chosen = rows[is_new], moments[is_new], chosen[is_new]
            alike = [observations[index] for index in chosen]
        sensors, places = states.sensors[rows], (rows[:, np.newaxis], layout.quantities)
        heard = sensors["heard"]
        channels = states.channels[places]
        gone_s = moments - channels["last_s"].max(axis=1, initial=0.0)
        take_in(channels, layout.quantities, layout.values(alike), moments[:, np.newaxis], states.hour_s)
        channels["heard"] = heard[:, np.newaxis]
        states.channels[places] = channels
        minutes = np.clip(gone_s / CUSUM_MINUTE_S, 0.0, 1.0)
        together = add_up_together(sensors["together"], channels, layout.quantities, minutes)
        states.sensors["together"][rows] = together
        adds_up = (channels["cusum"] >= CUSUM_HELD) & IS_WITNESS[layout.quantities]
        speaks = ((channels["votes"] > 0) | adds_up).any(axis=1) | (together >= TOGETHER_WARNS)
        sensors["loud_until"] = np.where(speaks, heard + FRESH, sensors["loud_until"])
        states.sensors["loud_until"][rows] = sensors["loud_until"]
        is_loud = (heard < sensors["loud_until"]) | sensors["watched"]
        for one in np.flatnonzero(is_loud | layout.has_contacts):
            for finding in self._look(states, int(rows[one]), alike[one], is_loud=bool(is_loud[one])):
                yield int(chosen[one]), finding

    def _look(
        self, states: SensorStates, row: int, observation: Observation, *, is_loud: bool
    ) -> list[Finding]:
        """Look closer at a sensor that may speak of fire, or whose contacts may say something."""
        watch = states.watches.setdefault(row, Watch())
        told = watch.contacts.take_in(observation, self.name)
        if not is_loud and "smoke_alarm" not in observation.values:
            return told
        sensor = states.sensors[row]
        felt = Felt(
            observation=observation,
            channels=states.heard_of(row),
            watch=watch,
            heard=int(sensor["heard"]),
            alarm_score=ALARM_SCORE * (1.0 - states.eased),
            together=float(sensor["together"]),
        )
        told += self._conclude(felt)
        states.sensors["watched"][row] = watch.alarm_at is not None or watch.contact
        return told

    def _conclude(self, felt: Felt) -> Sequence[Finding]:
        watch, observed_at = felt.watch, felt.observation.observed_at
        contact_closed = _contact_closed(felt)
        score = sum(one.weight(LEVELS[quantity].weight) for quantity, one in felt.fresh())
        if felt.together >= TOGETHER_HELD * felt.alarm_score:
            score = max(score, ALARM_SCORE)
        _count_agreement(felt)
        started = contact_closed or watch.contact or score >= felt.alarm_score or watch.agreeing >= AGREEING
        if watch.alarm_at is None:
            return self._report(felt, score) if started else self._warn(felt, score)
        watch.since_report += 1
        if score < RELEASE_SCORE and not started:
            watch.alarm_at = None
            return ()
        worse = score >= watch.reported_score + WORSE_BY or (
            score >= CRITICAL_SCORE and not watch.reported_critical
        )
        again = _speaks(felt) and (
            watch.since_report >= REPEAT
            or (watch.reported_at is not None and observed_at - watch.reported_at >= REPEAT_AFTER)
        )
        return self._report(felt, score) if contact_closed or worse or again else ()

    def _warn(self, felt: Felt, score: float) -> Sequence[Finding]:
        """Tell once, and again each half an hour, that a witness is held or adds up, or two rise alike."""
        watch, observed_at = felt.watch, felt.observation.observed_at
        fresh = dict(felt.fresh())
        alike = felt.together >= TOGETHER_WARNS * felt.alarm_score
        adds_up = "smoke_pct_m" if "co_ppm" not in fresh else "co_ppm"
        if not alike and not any(
            one.suspects() if name == adds_up else one.held
            for name, one in fresh.items()
            if name in WITNESSES
        ):
            watch.warned_at = None
            return ()
        confirmed = alike or _is_confirmed(fresh)
        is_news = confirmed and not watch.warned_confirmed
        if watch.warned_at is not None and observed_at - watch.warned_at < REPEAT_AFTER and not is_news:
            return ()
        watch.warned_at, watch.warned_confirmed = observed_at, confirmed
        confidence = 1 - exp(-CONFIDENCE_RATE * score)
        criteria = _criteria(felt, score, 0) | ({} if confirmed else {UNCONFIRMED: 1.0})
        return (self._finding(WARNING, confidence, felt, observed_at, None, criteria),)

    def _report(self, felt: Felt, score: float) -> Sequence[Finding]:
        watch, observed_at = felt.watch, felt.observation.observed_at
        critical = watch.contact or score >= CRITICAL_SCORE
        watch.alarm_at = min(watch.alarm_at or observed_at, observed_at)
        watch.reported_at, watch.warned_at = observed_at, None
        watch.reported_score, watch.reported_critical = score, critical
        agreeing, watch.agreeing, watch.since_report = watch.agreeing, 0, 0
        confidence = (
            CONTACT_CONFIDENCE if watch.contact else 1 - exp(-CONFIDENCE_RATE * max(score, ALARM_SCORE))
        )
        severity = Severity.CRITICAL if critical else None
        criteria = _criteria(felt, score, agreeing)
        return (self._finding(_label(felt), confidence, felt, watch.alarm_at, severity, criteria),)

    def _finding(
        self,
        label: str,
        confidence: float,
        felt: Felt,
        started_at: datetime,
        severity: Severity | None,
        criteria: Mapping[str, float],
    ) -> Finding:
        return Finding(
            label=label,
            confidence=min(confidence, CONTACT_CONFIDENCE),
            observed_at=felt.observation.observed_at,
            started_at=started_at,
            criteria=criteria,
            severity=severity,
            detector=self.name,
        )


def _parts(observations: Sequence[Observation]) -> Iterator[tuple[Layout, list[int]]]:
    """Part observations so that each part has the same quantities and no device twice, in order."""
    times: dict[str, int] = {}
    parts: list[dict[Layout, list[int]]] = []
    for index, observation in enumerate(observations):
        layout = _layout_of(tuple(observation.values))
        nth = times.get(observation.device, 0)
        times[observation.device] = nth + 1
        if nth == len(parts):
            parts.append({})
        parts[nth].setdefault(layout, []).append(index)
    for alike in parts:
        yield from alike.items()


@lru_cache(MAX_LAYOUTS)
def _layout_of(names: tuple[str, ...]) -> Layout:
    known = tuple(name for name in QUANTITIES if name in names)
    return _layout(known, has_contacts="smoke_alarm" in names or not CONTACTS.keys().isdisjoint(names))


@cache
def _layout(known: tuple[str, ...], *, has_contacts: bool) -> Layout:
    quantities = np.array([QUANTITIES.index(name) for name in known], np.intp)
    return Layout(names=known, quantities=quantities, has_contacts=has_contacts)


def _count_agreement(felt: Felt) -> None:
    """Count the readings on which two witnesses agree; they are forgotten only by an alarm."""
    agreeing = [name for name, one in felt.fresh() if name in WITNESSES and one.votes & 1]
    if len(agreeing) >= 2 and any(name in felt.observation.values for name in agreeing):
        felt.watch.agreeing += 1


def _is_confirmed(fresh: Mapping[str, Channel]) -> bool:
    """Say whether what is suspected of one witness is not denied by another that ought to know.

    Smoke without CO, where that is measured, is mostly fog or dust; CO without fine dust, where it is known
    what is usual of both, an engine.
    """
    co, dust = fresh.get("co_ppm"), fresh.get("pm25_ugm3")
    if co is None:
        return True
    return co.suspects() and not (dust is not None and dust.spread and co.spread)


def _speaks(felt: Felt) -> bool:
    """Say whether this very observation speaks of fire: an old alarm alone is not told again."""
    heard = (felt.channels.get(quantity) for quantity in felt.observation.values)
    return felt.watch.contact or any(one is not None and one.speaks() for one in heard)


def _contact_closed(felt: Felt) -> bool:
    """Say whether a certified detector's alarm contact has just closed."""
    watch, contact = felt.watch, felt.observation.values.get("smoke_alarm")
    if contact is None:
        watch.contact = watch.contact and watch.contact_heard > felt.heard - FRESH
        return False
    is_test = watch.contacts.is_test(contact, felt.observation.observed_at)
    closed = contact >= CLOSED and not is_test
    before, watch.contact, watch.contact_heard = watch.contact, closed, felt.heard
    return watch.contact and not before


def _label(felt: Felt) -> str:
    """Name the finding after what speaks loudest; CO is a gas of smoke."""
    heat = felt.channels.get("temperature_c")
    if felt.watch.contact or heat is None or not heat.votes:
        return "smoke"
    others = (felt.channels.get(quantity) for quantity in WITNESSES[:2])
    return "smoke" if any(one is not None and one.votes for one in others) else "heat"


def _criteria(felt: Felt, score: float, agreeing: int) -> dict[str, float]:
    """Return the numbers that decided: each speaking quantity's value, votes, baseline and sum."""
    numbers = {"score": score, "agreeing_readings": float(agreeing)}
    if felt.watch.contact:
        numbers["smoke_alarm"] = 1.0
    if felt.together >= TOGETHER_WARNS:
        numbers["co_and_particles_cusum"] = felt.together
    for quantity, one in felt.channels.items():
        if one.votes or one.cusum >= CUSUM_HELD:
            numbers[quantity] = one.value
            numbers[f"{quantity}_votes_of_{FAST_OF}"] = float(one.votes.bit_count())
            if one.readings:
                numbers[f"{quantity}_baseline"] = one.mean
            if one.spread:
                numbers[f"{quantity}_usual"] = one.usual
                numbers[f"{quantity}_cusum"] = one.cusum
    return numbers
