"""What is done on a timer in the database, and by whom: the first collector that claims it."""

from datetime import timedelta

from gridwatch.store.connection import Store, queries

SQL = queries("chores")


async def claim_chore(store: Store, name: str, every: timedelta) -> bool:
    """Tell whether a chore is due; who hears yes does it, the others hear no until it is due again."""
    return await store.row(SQL["claim"], {"name": name, "every": every}) is not None


async def finish_chore(store: Store, name: str, error: str | None) -> None:
    """Write down that a chore ended, and what went wrong, if anything."""
    await store.execute(SQL["finish"], {"name": name, "error": error})
