"""Watch the watcher: what is wrong with the installation goes to the administrator by a channel of its own.

A heartbeat goes out to an address elsewhere after each look, so that somebody outside notices silence: of the
dispatcher, of the database, of the machine.
"""

import asyncio
import logging
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from api.channels.senders import Senders
from api.channels.sending import BadCredential, NotSent
from api.dispatch.letter import Letter
from api.dispatch.telling import Channel, send
from api.texts import TEXTS, Words
from gridwatch.errors import SettingsError, StoreError
from gridwatch.policy import CHINA, NIGHT_BEGINS, NIGHT_ENDS
from gridwatch.services import WeCom
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.channels import ServiceState, find_service, list_services, note_service
from gridwatch.store.chores import claim_chore, finish_chore
from gridwatch.store.faults import (
    Fault,
    armed_consoles,
    count_collectors,
    count_untaken,
    keep_faults,
    note_told,
)
from gridwatch.store.webhooks import list_webhooks
from gridwatch.strongbox import Strongbox

log = logging.getLogger(__name__)

EVERY_S = 30.0
CHORE = "watch of the installation"

FULL_SHARE = 0.8
"""Of a disk: the rest lasts while somebody makes room."""

FAILING_FOR = timedelta(minutes=10)

Found = Mapping[str, Mapping[str, Any]]
"""What is wrong by name, with what its text is filled with."""


class Watch:
    """Looks at the installation every half minute; of several dispatchers the first that is free."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        senders: Senders,
        channels: Sequence[Channel],
        client: httpx.AsyncClient,
    ) -> None:
        self._store = store
        self._settings = settings
        self._senders = senders
        self._channels = channels
        self._client = client

    async def run(self) -> None:
        """Look for ever; what fails is tried at the next look."""
        while True:
            try:
                if await claim_chore(self._store, CHORE, timedelta(seconds=EVERY_S - 1)):
                    await self.look()
                    await finish_chore(self._store, CHORE, None)
                await self.beat()
            except (StoreError, SettingsError) as error:
                log.warning("the installation can't be looked at: %s", error)
            await asyncio.sleep(EVERY_S)

    async def look(self, *, now: datetime | None = None) -> None:
        """Look once, and tell the administrator what began and what is over."""
        found: dict[str, Mapping[str, Any]] = {}
        for check in (self._collectors, self._disk, self._installation, self._services, self._webhooks):
            found |= await check()
        found |= await self._consoles(now or datetime.now(UTC))
        for fault in await keep_faults(self._store, found):
            await self._tell(fault)

    async def beat(self) -> None:
        """Say outside that this installation works; the database could be asked just now."""
        url = self._settings.heartbeat_url
        if url is None:
            return
        try:
            (await self._client.get(url.get_secret_value())).raise_for_status()
        except httpx.HTTPError as error:
            # Its own text may hold the address, which is a secret with most such services.
            log.warning("GRIDWATCH_HEARTBEAT_URL does not answer well (%s)", type(error).__name__)

    async def _collectors(self) -> Found:
        collectors = await count_collectors(self._store)
        if collectors.silent or (collectors.known and not collectors.live):
            return {"collector": {"count": max(1, collectors.silent), "live": collectors.live}}
        return {}

    async def _disk(self) -> Found:
        try:
            usage = await asyncio.to_thread(shutil.disk_usage, self._settings.data_dir)
        except OSError:
            return {}
        share = 1 - usage.free / usage.total
        if share < FULL_SHARE:
            return {}
        return {"disk": {"share": round(share * 100), "free": round(usage.free / 1e9, 1)}}

    async def _installation(self) -> Found:
        untaken = await count_untaken(self._store, FAILING_FOR)
        return {"installation": {"count": untaken}} if untaken else {}

    async def _services(self) -> Found:
        await self._try_tokens()
        found: dict[str, Mapping[str, Any]] = {}
        for state in await list_services(self._store):
            detail = {"service": state.name, "why": state.last_error}
            if state.bad_credential:
                found[f"credential:{state.name}"] = detail
            elif state.failing_since and datetime.now(UTC) - state.failing_since >= FAILING_FOR:
                found[f"channel:{state.name}"] = detail
        return found

    async def _webhooks(self) -> Found:
        found: dict[str, Mapping[str, Any]] = {}
        for state in await list_webhooks(self._store):
            since = state.failing_since
            if state.dead or (since is not None and datetime.now(UTC) - since >= FAILING_FOR):
                detail = {"service": state.name, "why": state.last_error or "-", "dead": state.dead}
                found[f"webhook:{state.name}"] = detail
        return found

    async def _try_tokens(self) -> None:
        """Get the access tokens of WeCom's applications: a dead secret is known before it is needed."""
        box = Strongbox(self._settings.data_dir)
        for state in await list_services(self._store):
            service = await find_service(self._store, box, state.name) if state.kind == "wecom" else None
            if isinstance(service, WeCom):
                await self._try_token(state, service)

    async def _try_token(self, state: ServiceState, service: WeCom) -> None:
        try:
            await self._senders.application(service).prove()
        except NotSent as error:
            bad = isinstance(error, BadCredential)
            await note_service(self._store, state.name, error=str(error), bad_credential=bad)
        else:
            if state.bad_credential:
                await note_service(self._store, state.name)

    async def _consoles(self, now: datetime) -> Found:
        local = now.astimezone(CHINA).time()
        if NIGHT_ENDS <= local < NIGHT_BEGINS or await armed_consoles(self._store):
            return {}
        return {"console": {}}

    async def _tell(self, fault: Fault) -> None:
        letter = letter_of(fault)
        told = await asyncio.gather(*(send(channel, letter) for channel in self._channels))
        if self._channels and not any(told):
            log.error("no address of GRIDWATCH_WATCH_URLS took what is wrong: %s", letter.title)
            return
        log.warning("%s", letter.title)
        await note_told(self._store, fault)


def letter_of(fault: Fault) -> Letter:
    """Return what the administrator reads: Chinese first, then English."""
    kind = fault.name.partition(":")[0]
    state = "fault" if fault.over_at is None else "fault.over"
    said = [_words(language, kind, state, fault) for language in TEXTS]
    return Letter(title=said[0][0], body="\n\n".join([said[0][1], *said[1]]))


def _words(language: str, kind: str, state: str, fault: Fault) -> tuple[str, str]:
    words = Words(language)
    what = words(f"fault.{kind}", **fault.detail) if fault.detail else words(f"fault.{kind}")
    since = fault.since.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    return words(state, what=what), words("fault.since", since=since)
