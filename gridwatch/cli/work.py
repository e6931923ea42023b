"""How a command does one piece of work with the database."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gridwatch.running import database_url
from gridwatch.settings import Settings
from gridwatch.store import Store

Result = TypeVar("Result")


def at_the_command_line() -> str:
    """Return who changes something by a command, as the trail of changes has it."""
    return f"cli:{getpass.getuser()}"


def with_store(settings: Settings, work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Open the database, do `work`, close it; raise StoreUnavailable when it is away."""

    async def run() -> Result:
        async with Store.open(database_url(settings), connections=2) as store:
            return await work(store)

    return asyncio.run(run())
