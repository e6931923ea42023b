"""The chores that find out which devices are not heard any more, and whose readings can't be right.

The first have a turn of their own: after a pause nobody knows who was heard, so they must not wait behind
others.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.liveness import look_for_silence, watch_channels
from gridwatch.store.quality import look_at_quality, look_for_drifts, watch_quality
from ingest.upkeep import Chore


def liveness_chores(settings: Settings) -> Sequence[Chore]:
    """Return what a collector does on a timer to find out who is silent."""

    async def watch(store: Store) -> None:
        await watch_channels(store, datetime.now(UTC))

    async def look(store: Store) -> None:
        await look_for_silence(
            store, datetime.now(UTC), installation=settings.installation, extra_alarms=settings.alarms
        )

    return (
        Chore(name="channels", every=timedelta(minutes=1), work=watch),
        Chore(name="liveness", every=timedelta(seconds=15), work=look),
    )


def quality_chores(settings: Settings) -> Sequence[Chore]:
    """Return what a collector does on a timer to find out who measures nonsense."""

    async def watch(store: Store) -> None:
        await watch_quality(store, datetime.now(UTC))

    async def look(store: Store) -> None:
        await look_at_quality(store, datetime.now(UTC), extra_alarms=settings.alarms)

    async def compare(store: Store) -> None:
        await look_for_drifts(store, datetime.now(UTC))

    return (
        Chore(name="limits", every=timedelta(minutes=1), work=watch),
        Chore(name="quality", every=timedelta(seconds=15), work=look),
        Chore(name="drift", every=timedelta(minutes=10), work=compare),
    )
