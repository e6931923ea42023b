"""Tell the channels of an installation about an alert, each of them once."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import apprise

from api.dispatch.letter import Letter, compose
from api.places import Places
from gridwatch.errors import GridwatchError, NotFound, SettingsError
from gridwatch.store import Store
from gridwatch.store.alerts import get_alert
from gridwatch.store.areas import path_of
from gridwatch.store.jobs import IN_THE_MORNING
from gridwatch.store.notifications import notification

log = logging.getLogger(__name__)

SEND_WITHIN_S = 20.0
"""A channel that takes longer has failed; it is asked again later."""

NAME_LENGTH = 12
"""Of a channel's name: 48 bits of its address's hash tell channels apart and give nothing away."""


class NotTold(GridwatchError):
    """Some channel did not take a notification; the text names it by its hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """A way to reach people. Its name is a hash: the address holds secrets, never logged or kept."""

    name: str
    sender: apprise.Apprise


def open_channels(urls: Sequence[str], *, setting: str = "GRIDWATCH_NOTIFY_URLS") -> Sequence[Channel]:
    """Return the channels of Apprise URLs; raise SettingsError that says which one can't be used."""
    return [
        _channel(url, where=f"{setting}: address number {position}")
        for position, url in enumerate(urls, start=1)
    ]


def open_testers(urls: Mapping[str, str]) -> Mapping[str, Channel]:
    """Return the channel of each tester; raise SettingsError that names whose can't be used."""
    return {
        tester: _channel(url, where=f"GRIDWATCH_TESTER_URLS: the address of {tester}")
        for tester, url in urls.items()
    }


def _channel(url: str, *, where: str) -> Channel:
    # Its messages can hold whole addresses.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    sender = apprise.Apprise()
    if not sender.add(url):
        raise SettingsError(f"{where} is none that Apprise can use")
    return Channel(name=hashlib.sha256(url.encode()).hexdigest()[:NAME_LENGTH], sender=sender)


class Teller:
    """Tells all channels about alerts of real devices, and of a device in test its tester alone."""

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        testers: Mapping[str, Channel] = MappingProxyType({}),
        *,
        link_base: str,
    ) -> None:
        self._store = store
        self._channels = channels
        self._testers = testers
        self._link_base = link_base

    async def tell(self, alert_id: int, step: str) -> None:
        """Tell every channel that was not told yet; raise NotTold when one refused, StoreError."""
        try:
            alert = await get_alert(self._store, alert_id)
        except NotFound:
            return
        if step == IN_THE_MORNING and alert["ended"]:
            return
        channels = self._channels_for(alert)
        if not channels:
            return
        area = alert["area"]
        places = Places(await path_of(self._store, area) if area is not None else ())
        letter = compose(alert, places, link_base=self._link_base)
        told = await asyncio.gather(
            *(self._tell(channel, alert_id, step, letter) for channel in channels),
            return_exceptions=True,
        )
        for result in told:
            if isinstance(result, BaseException) and not isinstance(result, NotTold):
                raise result
        refused = [str(result) for result in told if isinstance(result, NotTold)]
        if refused:
            raise NotTold(f"alert {alert_id}, {step}: not taken by channel {', '.join(refused)}")

    def _channels_for(self, alert: Mapping[str, Any]) -> Sequence[Channel]:
        """Return who is told: of what is simulated nobody, of a device in test its tester alone."""
        if alert["simulated"]:
            return ()
        if alert["tester"]:
            tester = self._testers.get(alert["tester"])
            return () if tester is None else (tester,)
        return self._channels

    async def _tell(self, channel: Channel, alert_id: int, step: str, letter: Letter) -> None:
        async with notification(self._store, alert_id, step, channel.name) as still_to_tell:
            if still_to_tell and not await send(channel, letter):
                raise NotTold(channel.name)


async def send(channel: Channel, letter: Letter) -> bool:
    """Say whether a channel took a letter."""
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            return bool(await channel.sender.async_notify(title=letter.title, body=letter.body))
    except TimeoutError:
        return False
