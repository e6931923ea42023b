"""The chore that learns what is usual of readings at each hour of day."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from detectors.fire.levels import LEVELS
from gridwatch.store import Store
from gridwatch.store.usual import learn_hours
from ingest.upkeep import Chore

LOOK_EVERY = timedelta(minutes=1)
"""An hour is over once in an hour; a new installation catches up faster."""


def usual_chores() -> Sequence[Chore]:
    """Return what a collector does on a timer to know what is usual of the quantities that a fire changes."""

    async def look(store: Store) -> None:
        await learn_hours(store, datetime.now(UTC), list(LEVELS))

    return (Chore(name="usual", every=LOOK_EVERY, work=look),)
