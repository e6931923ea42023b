"""The chore that computes the fire weather of stations: after each noon, and anew when readings came late."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from gridwatch.fire_danger import read_tables
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.fire_weather import look_at_fire_weather
from ingest.upkeep import Chore

LOOK_EVERY = timedelta(minutes=5)


def fire_weather_chores(settings: Settings, *, every: timedelta = LOOK_EVERY) -> Sequence[Chore]:
    """Return the chore; raise SettingsError where the tables of the settings can't be used."""
    tables = read_tables(settings.fire_danger)
    begun = False

    async def look(store: Store) -> None:
        nonlocal begun
        await look_at_fire_weather(store, datetime.now(UTC), tables, all_of_it=not begun)
        begun = True

    return (Chore(name="fire weather", every=every, work=look),)
