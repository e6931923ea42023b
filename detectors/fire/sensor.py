"""Fire from the readings of one sensor: several quantities that agree, or one that is beyond doubt."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp

from detectors.fire.channel import FAST_OF, Channel, take_in, weight
from detectors.fire.contacts import CLOSED, CONTACTS, Contacts
from detectors.fire.levels import LEVELS, WITNESSES
from gridwatch.model import Finding, Observation, Severity

RECENT = 64
"""Observations whose identity is remembered, so that one sent twice counts once."""

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

KEY_MASK = (1 << 63) - 1
KEY_MIX = 0x9E3779B97F4A7C15


@dataclass(slots=True)
class SensorState:
    """What is remembered of one sensor."""

    channels: dict[str, Channel] = field(default_factory=dict)
    recent: "array[int]" = field(default_factory=lambda: array("q"))
    oldest: int = 0
    newest_s: float = 0.0
    heard: int = 0
    loud_until: int = 0
    """Count of observations up to which a quantity that votes for fire matters."""
    agreeing: int = 0
    contact: bool = False
    contact_heard: int = 0
    contacts: Contacts | None = None
    """Of a detector that has some beside its alarm."""
    alarm_at: datetime | None = None
    reported_at: datetime | None = None
    reported_score: float = 0.0
    reported_critical: bool = False
    since_report: int = 0


class FireSensorDetector:
    """Votes over the last readings of each quantity and adds up the quantities that are held.

    Votes count readings, never seconds, and fixed levels stand beside the learned ones: neither slow
    reporting nor a drifted baseline can keep an alarm down. The contact `smoke_alarm` is not put to a vote;
    closed by the test button it is no alarm.
    """

    @property
    def name(self) -> str:
        """Name and version."""
        return "fire-sensor/1"

    def new_state(self) -> SensorState:
        """Make the memory of a sensor that was never heard."""
        return SensorState()

    def feel(self, state: SensorState, observation: Observation) -> Sequence[Finding]:
        """Take in one observation; late ones count like others, one sent twice counts once."""
        moment_s = observation.observed_at.timestamp()
        if _known(state, moment_s, observation.seq):
            return ()
        heard = state.heard = state.heard + 1
        values, channels = observation.values, state.channels
        told: Sequence[Finding] | None = None
        for quantity, value in values.items():
            channel = channels.get(quantity)
            if channel is None:
                if quantity not in LEVELS:
                    if quantity in CONTACTS and told is None:
                        told = self._contacts(state, observation)
                    continue
                channel = channels[quantity] = Channel()
            channel.heard = heard
            take_in(channel, LEVELS[quantity], value, moment_s)
            if channel.votes:
                state.loud_until = heard + FRESH
        quiet = heard >= state.loud_until and state.alarm_at is None and not state.contact
        if quiet and "smoke_alarm" not in values:
            return told or ()
        return [*(told or ()), *self._conclude(state, observation)]

    def _contacts(self, state: SensorState, observation: Observation) -> Sequence[Finding]:
        if state.contacts is None:
            state.contacts = Contacts()
        return state.contacts.take_in(observation, self.name)

    def _conclude(self, state: SensorState, observation: Observation) -> Sequence[Finding]:
        contact_closed = _contact_closed(state, observation)
        score = _score(state)
        _count_agreement(state, observation)
        started = contact_closed or state.contact or score >= ALARM_SCORE or state.agreeing >= AGREEING
        if state.alarm_at is None:
            return self._report(state, observation, score) if started else ()
        state.since_report += 1
        if score < RELEASE_SCORE and not started:
            state.alarm_at = None
            return ()
        worse = score >= state.reported_score + WORSE_BY or (
            score >= CRITICAL_SCORE and not state.reported_critical
        )
        again = _speaks(state, observation) and (
            state.since_report >= REPEAT
            or (state.reported_at is not None and observation.observed_at - state.reported_at >= REPEAT_AFTER)
        )
        return self._report(state, observation, score) if contact_closed or worse or again else ()

    def _report(self, state: SensorState, observation: Observation, score: float) -> Sequence[Finding]:
        critical = state.contact or score >= CRITICAL_SCORE
        state.alarm_at = min(state.alarm_at or observation.observed_at, observation.observed_at)
        state.reported_at = observation.observed_at
        state.reported_score, state.reported_critical = score, critical
        agreeing, state.agreeing, state.since_report = state.agreeing, 0, 0
        confidence = 1 - exp(-CONFIDENCE_RATE * max(score, ALARM_SCORE))
        return (
            Finding(
                label=_label(state),
                confidence=CONTACT_CONFIDENCE if state.contact else min(confidence, CONTACT_CONFIDENCE),
                observed_at=observation.observed_at,
                started_at=state.alarm_at,
                criteria=_criteria(state, score, agreeing),
                severity=Severity.CRITICAL if critical else None,
                detector=self.name,
            ),
        )


def _known(state: SensorState, moment_s: float, seq: int | None) -> bool:
    """Say whether an observation of the same time and number came among the last ones; remember it."""
    key = (round(moment_s * 1e6) * KEY_MIX + (-1 if seq is None else seq)) & KEY_MASK
    recent = state.recent
    if moment_s > state.newest_s:
        state.newest_s = moment_s
    elif key in recent:
        return True
    if len(recent) < RECENT:
        recent.append(key)
    else:
        recent[state.oldest] = key
        state.oldest = (state.oldest + 1) % RECENT
    return False


def _score(state: SensorState) -> float:
    """Add up the quantities that are held and were heard of lately."""
    fresh = state.heard - FRESH
    return sum(
        weight(channel, LEVELS[quantity])
        for quantity, channel in state.channels.items()
        if channel.held and channel.heard > fresh
    )


def _count_agreement(state: SensorState, observation: Observation) -> None:
    """Count the readings on which two witnesses agree; they are forgotten only by an alarm."""
    agreeing = [
        quantity
        for quantity in WITNESSES
        if (channel := state.channels.get(quantity)) is not None
        and channel.votes & 1
        and channel.heard > state.heard - FRESH
    ]
    if len(agreeing) >= 2 and any(quantity in observation.values for quantity in agreeing):
        state.agreeing += 1


def _speaks(state: SensorState, observation: Observation) -> bool:
    """Say whether this very observation speaks of fire: an old alarm alone is not told again."""
    heard = (state.channels.get(quantity) for quantity in observation.values)
    return state.contact or any(channel is not None and channel.votes & 1 for channel in heard)


def _contact_closed(state: SensorState, observation: Observation) -> bool:
    """Say whether a certified detector's alarm contact has just closed."""
    contact = observation.values.get("smoke_alarm")
    if contact is None:
        state.contact = state.contact and state.contact_heard > state.heard - FRESH
        return False
    is_test = state.contacts is not None and state.contacts.is_test(contact, observation.observed_at)
    closed = contact >= CLOSED and not is_test
    before, state.contact, state.contact_heard = state.contact, closed, state.heard
    return state.contact and not before


def _label(state: SensorState) -> str:
    """Name the finding after what speaks loudest; CO is a gas of smoke."""
    heat = state.channels.get("temperature_c")
    if state.contact or heat is None or not heat.votes:
        return "smoke"
    others = (state.channels.get(quantity) for quantity in WITNESSES[:2])
    return "smoke" if any(channel is not None and channel.votes for channel in others) else "heat"


def _criteria(state: SensorState, score: float, agreeing: int) -> dict[str, float]:
    """Return the numbers that decided: each voting quantity's value, votes and baseline."""
    numbers = {"score": score, "agreeing_readings": float(agreeing)}
    if state.contact:
        numbers["smoke_alarm"] = 1.0
    for quantity, channel in state.channels.items():
        if channel.votes:
            numbers[quantity] = channel.value
            numbers[f"{quantity}_votes_of_{FAST_OF}"] = float(channel.votes.bit_count())
            if channel.readings:
                numbers[f"{quantity}_baseline"] = channel.mean
    return numbers
