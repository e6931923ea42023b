"""From a stream's own time to UTC: presentation timestamps say when, the computer's clock says which day.

Cameras' clocks are often wrong, and what they tell of them (RTCP) with them; their timestamps run evenly, but
some ten seconds a day too fast or slow. So the timestamps are the clock, and what they stand for in UTC is
learnt from the packet that came with the least delay, at the beginning and every ten seconds again.
"""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

WINDOW_S = 10.0
"""Of which the packet with the least delay counts: one of them met no queue on its way."""

MOST_SLEW = 0.01
"""Seconds per second by which time is led back: a fall's acceleration changes by 2 % at most, and a second is
made up within two minutes."""

JUMP_S = 2.0
"""No network keeps a packet for so long and delivers the next in time, and no packet comes before its
picture was taken: the stream's time, or the computer's, was set."""

REORDERED_S = 1.0
"""By so much a picture may come after one that is shown later."""


class StreamClock:
    """Maps one connection's stream time (seconds) to UTC.

    Where the stream's time jumps, the first picture keeps the old relation, so that a detector sees the jump
    as the camera told it; from the next on times are right again.
    """

    _offset_s: float
    _last_s: float | None
    _late_since_s: float | None
    _window_from_s: float | None
    _least_late_s: float
    _owed_s: float
    _has_jumped: bool

    def __init__(self, offset_s: float) -> None:
        """`offset_s`: UTC in Unix seconds less the stream's time."""
        self._begin(offset_s)

    def at(self, stream_s: float, order_s: float, arrived_s: float) -> datetime:
        """Return when a picture was taken.

        `stream_s` is its presentation time, `order_s` its place in the order of decoding (the same where
        pictures are not reordered), `arrived_s` the computer's clock in Unix seconds.
        """
        if self._has_jumped:
            self._begin(arrived_s - order_s)
        step_s = 0.0 if self._last_s is None else order_s - self._last_s
        self._last_s = order_s
        late_s = arrived_s - order_s - self._offset_s
        if step_s < -REORDERED_S or late_s < -JUMP_S or self._stays_late(late_s, arrived_s):
            self._has_jumped = True
        else:
            self._follow(late_s, arrived_s, max(0.0, step_s))
        return EPOCH + timedelta(seconds=stream_s + self._offset_s)

    def _begin(self, offset_s: float) -> None:
        self._offset_s, self._owed_s, self._least_late_s = offset_s, 0.0, float("inf")
        self._last_s = self._late_since_s = self._window_from_s = None
        self._has_jumped = False

    def _stays_late(self, late_s: float, arrived_s: float) -> bool:
        """Tell whether all packets of a window came far too late: it is the clock then, not the network."""
        if late_s <= JUMP_S:
            self._late_since_s = None
        elif self._late_since_s is None:
            self._late_since_s = arrived_s
        return self._late_since_s is not None and arrived_s - self._late_since_s > WINDOW_S

    def _follow(self, late_s: float, arrived_s: float, step_s: float) -> None:
        """Lead the relation to that of the least late packet of each window."""
        if self._window_from_s is None:
            self._window_from_s = arrived_s
        self._least_late_s = min(self._least_late_s, late_s)
        if arrived_s - self._window_from_s >= WINDOW_S:
            self._owed_s, self._window_from_s = self._least_late_s, arrived_s
            self._least_late_s = float("inf")
        paid_s = min(MOST_SLEW * step_s, max(-MOST_SLEW * step_s, self._owed_s))
        self._offset_s += paid_s
        self._owed_s -= paid_s
