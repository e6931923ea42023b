"""The database: there, safe, as new as we are; and what it knows of the work."""

import asyncio
from datetime import UTC, datetime

from gridwatch.cli.doctor.channels import check_channels
from gridwatch.cli.doctor.check import Check, fail, ok, warn
from gridwatch.duty.calendar import unknown_year, unknown_years
from gridwatch.errors import SettingsError, StoreError, StoreUnavailable
from gridwatch.running import database_url
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.broker import MISUSES, broker_incidents
from gridwatch.store.condition import (
    LATELY,
    ServerCondition,
    clocks_off,
    failed_chores,
    fills,
    live_collectors,
    server_condition,
    unbalanced_devices,
)
from gridwatch.store.gaps import gap_totals
from gridwatch.store.keeping import GB, WARN_SHARE
from gridwatch.store.migrate import pending_migrations
from gridwatch.store.people import areas_without_anybody, roster_gaps

OLDEST, NEWEST_TRIED = 15, 18
FEW_CONNECTIONS = 20
"""A collector with two detector processes takes ten, the API and the dispatcher as many."""
CLOCK_APART_S = 2.0


async def check_database(settings: Settings) -> list[Check]:
    """Look at the database, and by it at collectors and books."""
    try:
        url = database_url(settings)
        pending = await asyncio.to_thread(pending_migrations, url)
    except SettingsError as error:
        return [fail("database", str(error), "gridwatch up starts one, GRIDWATCH_DATABASE_URL names one")]
    except StoreUnavailable as error:
        todo = "start it, or correct GRIDWATCH_DATABASE_URL; the broker keeps the messages meanwhile"
        return [fail("database", f"it can't be reached: {_line(error)}", todo)]
    except StoreError as error:
        return [fail("database", _line(error), "nothing of this version may write to it")]
    async with Store.open(url, connections=2) as store:
        server = await server_condition(store)
        looked = [
            _version(server),
            *_safety(server),
            _connections(server),
            _clock(server),
            _timescale(server),
        ]
        if pending:
            todo = "gridwatch migrate (or start a process with GRIDWATCH_MIGRATE=1)"
            return [*looked, fail("tables", f"{len(pending)} migrations are not applied", todo)]
        return [*looked, ok("tables", "are those of this version"), *await _work(store, settings)]


def _version(server: ServerCondition) -> Check:
    found = f"PostgreSQL {server.version}"
    if server.version < OLDEST:
        return fail("database", found, f"install PostgreSQL {OLDEST} to {NEWEST_TRIED}")
    if server.version > NEWEST_TRIED:
        return warn("database", found, f"tried with PostgreSQL {OLDEST} to {NEWEST_TRIED} only")
    return ok("database", found)


def _safety(server: ServerCondition) -> list[Check]:
    if server.safe_writes and server.synchronous_commit != "off":
        return [ok("commits", "are on the disk before a message is acknowledged")]
    todo = "set fsync, full_page_writes and synchronous_commit to on in postgresql.conf"
    return [fail("commits", "a crash of the database can lose messages that were acknowledged", todo)]


def _connections(server: ServerCondition) -> Check:
    found = f"{server.free_connections} more connections are free"
    if server.free_connections < FEW_CONNECTIONS:
        return warn("connections", found, "raise max_connections in postgresql.conf")
    return ok("connections", found)


def _clock(server: ServerCondition) -> Check:
    apart_s = abs((server.now - datetime.now(UTC)).total_seconds())
    if apart_s > CLOCK_APART_S:
        todo = "let both machines follow a time server (NTP)"
        return warn("clock", f"the database's is {apart_s:.0f} s apart from this machine's", todo)
    return ok("clock", "this machine's and the database's agree")


def _timescale(server: ServerCondition) -> Check:
    if server.timescale_used:
        return ok("TimescaleDB", "is used")
    if server.timescale_there:
        todo = "add timescaledb to shared_preload_libraries, restart PostgreSQL, run gridwatch migrate"
        return warn("TimescaleDB", "is installed and not used", todo)
    return ok("TimescaleDB", "is not installed: plain tables serve, uncompressed")


async def _work(store: Store, settings: Settings) -> list[Check]:
    return [
        await _collectors(store),
        await _books(store),
        await _gaps(store),
        *await _incidents(store),
        *[
            warn("periodic work", f"{name}: {error}", "mend the cause; it is tried again by itself")
            for name, error in (await failed_chores(store)).items()
        ],
        await _clocks(store),
        *await _fills(store),
        *await _roster(store),
        *await check_channels(store, settings),
    ]


async def _collectors(store: Store) -> Check:
    live = await live_collectors(store)
    if not live:
        return fail("collectors", "none takes messages in", "start gridwatch ingest, or read its log")
    return ok("collectors", f"{live} at work")


async def _books(store: Store) -> Check:
    if devices := await unbalanced_devices(store):
        todo = "gridwatch books names them: keep the database as it is and report it"
        return fail("books", f"those of {devices} devices do not balance", todo)
    return ok("books", "balance")


async def _gaps(store: Store) -> Check:
    gaps, missing = await gap_totals(store)
    if gaps:
        found = f"{missing} messages that devices numbered have not come"
        return warn("sequence", found, "gridwatch gaps lists them: look at those devices and their network")
    return ok("sequence", "no message is missing")


async def _incidents(store: Store) -> list[Check]:
    lost = (
        "compare its configuration with deploy/mosquitto/mosquitto.conf; gridwatch gaps says what is missing"
    )
    misused = "look at that device; if in doubt gridwatch devices credential revoke, then rotate"
    return [
        warn("misuse", one.sentence, misused) if one.what in MISUSES else warn("broker", one.sentence, lost)
        for one in await broker_incidents(store, LATELY)
    ]


async def _fills(store: Store) -> list[Check]:
    checks = []
    for name, fill in (await fills(store)).items():
        found = f"{fill.share:.0%} of its limit ({fill.bytes / GB:.3f} GB)"
        if fill.share < WARN_SHARE:
            checks.append(ok(name, found))
        else:
            todo = "beyond the limit the oldest is deleted: raise the limit, or replay, hold or fetch it"
            checks.append(warn(name, found, todo))
    return checks


async def _roster(store: Store) -> list[Check]:
    now = datetime.now(UTC)
    checks = [
        warn("working calendar", told, "until then shifts of working days follow the weekdays")
        for told in map(unknown_year, unknown_years(now))
    ]
    if nobody := await areas_without_anybody(store):
        found = f"nobody answers for {len(nobody)} areas with devices, or for an area above: {nobody[0]} …"
        checks.append(warn("roster", found, "gridwatch workers gaps lists them: the administrator is called"))
    if found_gaps := await roster_gaps(store, now):
        found = f"{len(found_gaps)} times in the next 7 days nobody of an area has a shift"
        checks.append(warn("shifts", found, "gridwatch workers gaps lists them: the responsible is called"))
    return checks


async def _clocks(store: Store) -> Check:
    off, jumped = await clocks_off(store)
    if off:
        found = f"{off} devices' are off by more than a minute, {jumped} were set in the last day"
        return warn("devices' clocks", found, "gridwatch devices list --json says how far (clock_skew_s)")
    return ok("devices' clocks", "go right, as far as they are known")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
