"""What the rules for fire remember of all sensors, in tables that have a row for each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from detectors.fire.channels import CHANNEL, Channel, Numbers
from detectors.fire.contacts import Contacts
from detectors.fire.levels import LEVELS, WITNESSES
from gridwatch.model import Observation
from gridwatch.usual import Expected, Sum

RECENT = 64
"""Observations whose identity is remembered, so that one sent twice counts once."""
KEY_MASK = np.uint64((1 << 63) - 1)
KEY_MIX = np.uint64(0x9E3779B97F4A7C15)

QUANTITIES = tuple(LEVELS)
IS_WITNESS = np.array([name in WITNESSES for name in QUANTITIES])
SENSOR = np.dtype(
    [
        ("newest_s", "f8"),
        ("heard", "u4"),
        ("loud_until", "u4"),
        ("together", "f4"),
        ("oldest", "u1"),
        ("watched", "?"),
    ],
    align=True,
)
"""What is remembered of each sensor.

`loud_until` counts the observations up to which a quantity that votes for fire matters, `together` is what CO
and particles rose alike in sum, `oldest` the place in the ring of recent observations, and `watched` says
that an alarm or a contact goes on.
"""
SAVED_FROM = 1.0
"""A smaller sum is gone with the next quiet reading."""
FIRST_SENSORS = 256


@dataclass(slots=True)
class Watch:
    """What is remembered beside its channels of a sensor that once spoke of fire, or has contacts."""

    contacts: Contacts = field(default_factory=Contacts)
    agreeing: int = 0
    contact: bool = False
    contact_heard: int = 0
    warned_at: datetime | None = None
    warned_confirmed: bool = False
    alarm_at: datetime | None = None
    reported_at: datetime | None = None
    reported_score: float = 0.0
    reported_critical: bool = False
    since_report: int = 0


class SensorStates:
    """What is remembered of all sensors, in tables that have a row for each."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.sensors: Numbers = np.zeros(FIRST_SENSORS, SENSOR)
        self.channels: Numbers = np.zeros((FIRST_SENSORS, len(QUANTITIES)), CHANNEL)
        self.recent: Numbers = np.zeros((FIRST_SENSORS, RECENT), np.uint64)
        self.watches: dict[int, Watch] = {}
        self.hour_s = 0.0
        """The middle of the hour that the channels' `usual` is of, Unix seconds."""
        self.eased = 0.0
        """The part of the alarm score that the weather's danger takes off."""

    def rows_of(self, observations: Sequence[Observation]) -> Numbers:
        """Return the rows of the sensors that sent observations."""
        known = self.rows.get
        return np.array([known(one.device) or self.row(one.device) for one in observations])

    def note(self, rows: Numbers, moments: Numbers, numbers: Sequence[int | None]) -> Numbers:
        """Remember observations, each of another device; say which did not come before."""
        sensors = self.sensors[rows]
        seqs = np.array([-1 if seq is None else seq for seq in numbers], np.int64).view(np.uint64)
        keys = (np.rint(moments * 1e6).astype(np.int64).view(np.uint64) * KEY_MIX + seqs) & KEY_MASK
        is_new = moments > sensors["newest_s"]
        late = np.flatnonzero(~is_new)
        if late.size:
            is_new[late] = ~(self.recent[rows[late]] == keys[late, np.newaxis]).any(axis=1)
        self.recent[rows[is_new], sensors["oldest"][is_new]] = keys[is_new]
        sensors["oldest"] = (sensors["oldest"] + is_new) % RECENT
        sensors["heard"] += is_new
        sensors["newest_s"] = np.maximum(sensors["newest_s"], moments)
        self.sensors[rows] = sensors
        return is_new

    def row(self, device: str) -> int:
        """Return the row of a sensor; one that was never heard gets the next."""
        row = self.rows.get(device)
        if row is None:
            row = self.rows[device] = len(self.rows)
            if row == len(self.sensors):
                self.sensors, self.channels, self.recent = (
                    np.concatenate([table, np.zeros_like(table)])
                    for table in (self.sensors, self.channels, self.recent)
                )
            self.channels[row]["today"] = np.nan
        return row

    def _channel(self, device: str, quantity: str) -> Numbers:
        """Return what is remembered of a channel, to be written to."""
        # A new row may make new tables: it comes first.
        row = self.row(device)
        channel: Numbers = self.channels[row, QUANTITIES.index(quantity)]
        return channel

    def begin_hour(self, hour_s: float) -> None:
        """Begin an hour whose middle is `hour_s`: until `expect` nothing is known of what is usual."""
        self.hour_s = hour_s
        self.channels["spread"] = 0.0

    def expect(self, usual: Iterable[Expected]) -> None:
        """Set what is usual in this hour."""
        for one in usual:
            channel = self._channel(one.device, one.quantity)
            channel["usual"], channel["usual_next"], channel["spread"] = one.mean, one.next_mean, one.spread

    def ease(self, factor: float) -> None:
        """Let sensors alarm at this part of their usual score, 0 to 1: fire weather brings alarms forward."""
        self.eased = 1.0 - factor

    def sums(self) -> Iterator[Sum]:
        """Yield the sums that are not small."""
        devices = list(self.rows)
        is_saved = (self.channels["cusum"] >= SAVED_FROM) & IS_WITNESS
        for row, column in np.argwhere(is_saved).tolist():
            channel = self.channels[row, column]
            yield Sum(
                device=devices[row],
                quantity=QUANTITIES[column],
                at_s=float(channel["last_s"]),
                sum=float(channel["cusum"]),
                today=float(channel["today"]),
            )

    def add_up_from(self, saved: Sum) -> None:
        """Let a quantity's sum go on from one that was saved."""
        channel = self._channel(saved.device, saved.quantity)
        channel["cusum"], channel["today"] = saved.sum, saved.today
        channel["last_s"] = max(float(channel["last_s"]), saved.at_s)

    def heard_of(self, row: int) -> dict[str, Channel]:
        """Return what is remembered of the quantities that a sensor has sent."""
        channels = map(Channel._make, self.channels[row].tolist())
        return {name: one for name, one in zip(QUANTITIES, channels, strict=True) if one.heard}
