"""The chores of storage: hourly sums, compression, and what is dropped after its time."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.hourly import sum_up_hours
from gridwatch.store.kept import kept_now
from gridwatch.store.retention import compress, drop_old
from ingest.upkeep import Chore


def storage_chores(settings: Settings) -> Sequence[Chore]:
    """Return what a collector does for the store on a timer."""
    return (
        Chore(name="hours", every=timedelta(minutes=1), work=sum_up_hours),
        Chore(name="drop old", every=timedelta(hours=1), work=partial(_drop, settings=settings)),
        Chore(name="compress", every=timedelta(hours=1), work=compress),
    )


async def _drop(store: Store, *, settings: Settings) -> None:
    kept = await kept_now(store, settings)
    await drop_old(
        store,
        keep_readings=timedelta(days=kept["keep_readings_days"]),
        keep_aggregates=timedelta(days=kept["keep_aggregates_days"]),
    )
