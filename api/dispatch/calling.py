"""Tell one person, by their ways in order, until the policy is content."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from api.channels.senders import Senders
from api.channels.sending import BadCredential, Button, Message, NotSent, Refused
from api.dispatch.answer_links import PATH, AnswerLinks
from api.dispatch.letter import title_of
from api.dispatch.summons import compose_for
from api.dispatch.telling import NotTold, Teller
from api.places import Places
from api.texts import DEFAULT_LANGUAGE, Words
from gridwatch.delivery import Done, Outcome, Send, Wait, next_step
from gridwatch.errors import GridwatchError, NotFound
from gridwatch.services import (
    KEEPS_FROM_TWICE,
    DingTalk,
    Feishu,
    Service,
    WeCom,
    WeComRobot,
)
from gridwatch.store import Store
from gridwatch.store.alerts import get_alert
from gridwatch.store.areas import path_of
from gridwatch.store.channels import Channel, channels_of, note_service
from gridwatch.store.deliveries import (
    Claim,
    Left,
    Pace,
    Wanted,
    areas_of_person,
    claim,
    keep_message,
    left_of,
    mark_reached,
    may_send_again,
    settle_delivery,
    tries_of,
    wanted_call,
)
from gridwatch.strongbox import Strongbox

log = logging.getLogger(__name__)

PACES: Mapping[type[Service], Pace] = MappingProxyType(
    {
        WeCom: Pace(in_minute=30, in_hour=1000),
        WeComRobot: Pace(in_minute=20, in_hour=1200),
        DingTalk: Pace(in_minute=20, in_hour=1200),
        Feishu: Pace(in_minute=100, in_hour=6000),
    }
)
"""What these services take for one member or one robot; WeCom throws away what is more without an error."""

KEPT_FREE = 3
"""One of so many places is left to what is urgent."""


INSTALLATION_AT_ONCE = 4
"""Calls for the channels of the installation: each channel holds a connection while it is told."""


class Again(GridwatchError):
    """This job goes on at a later time: no fault."""

    def __init__(self, at: datetime) -> None:
        super().__init__(f"it goes on at {at:%H:%M:%S}")
        self.at = at


class WhenSaid(BaseRetryStrategy):
    """Go on when the job says so; after an error soon, and then later and later."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """Return when the job is worked on again: it ends only by itself."""
        if isinstance(exception, Again):
            return RetryDecision(retry_at=exception.at)
        why = str(exception) if isinstance(exception, NotTold) else type(exception).__name__
        log.warning("a call is tried again: %s", why)
        return RetryDecision(retry_in={"seconds": min(2 ** (job.attempts + 1), 300)})


class Caller:
    """Calls people; a call for nobody in particular goes to the channels of the installation."""

    def __init__(
        self,
        store: Store,
        senders: Senders,
        box: Strongbox,
        links: AnswerLinks,
        teller: Teller,
        *,
        link_base: str,
    ) -> None:
        self._store = store
        self._senders = senders
        self._box = box
        self._links = links
        self._teller = teller
        self._link_base = link_base
        self._turn = asyncio.Semaphore(INSTALLATION_AT_ONCE)

    async def call(self, call_key: int) -> None:
        """Go on with a call as far as it can go now; raise Again where it goes on later, StoreError."""
        wanted = await wanted_call(self._store, call_key)
        if wanted is not None:
            for one in await left_of(self._store, call_key):
                await self._take_over(wanted, one)
        while wanted is not None and not wanted.over:
            if wanted.person_key is None:
                await self._tell_installation(wanted)
                return
            channels = await channels_of(self._store, self._box, wanted.person_key)
            tries = await tries_of(self._store, call_key)
            now = datetime.now(UTC)
            match next_step([one.way for one in channels], tries, urgent=wanted.urgent, now=now):
                case Wait(until=until):
                    raise Again(until)
                case Done(reached=reached):
                    await self._end(wanted, reached=reached)
                    return
                case Send(way=way, round=round):
                    channel = next(one for one in channels if one.way.key == way)
                    await self._send(wanted, channel, round)
            wanted = await wanted_call(self._store, call_key)

    async def _tell_installation(self, wanted: Wanted) -> None:
        await self._teller.tell(wanted.alert_id, wanted.step)
        await mark_reached(self._store, wanted.key)

    async def _end(self, wanted: Wanted, *, reached: bool) -> None:
        if reached:
            await mark_reached(self._store, wanted.key)
        else:
            log.warning("call %s: no channel of this person could be used", wanted.key)

    async def _send(self, wanted: Wanted, channel: Channel, round: int) -> None:
        """Send one message: the right to it and its text are kept first, what became of it afterwards."""
        pace = _pace(channel.service, urgent=wanted.urgent)
        urgent = wanted.urgent
        async with claim(self._store, wanted.key, channel, round, pace=pace, urgent=urgent) as claimed:
            if claimed is None:
                return
            try:
                message = await self._compose(wanted, claimed, round)
            except NotFound:
                # Its alert is gone, and the call with it.
                return
            await keep_message(claimed, asdict(message))
        await self._hand_over(claimed.key, channel, message)

    async def _hand_over(self, key: int, channel: Channel, message: Message) -> None:
        name = channel.service_name
        try:
            receipt = await self._senders.send(channel.service, channel.address, message)
        except Refused as error:
            # The service works: it is this address that does not.
            await settle_delivery(self._store, key, Outcome.REFUSED, why=str(error))
        except NotSent as error:
            bad = isinstance(error, BadCredential)
            await settle_delivery(self._store, key, Outcome.FAILED, why=str(error))
            await note_service(self._store, name, error=str(error), bad_credential=bad)
        else:
            await settle_delivery(self._store, key, Outcome.SENT, receipt=receipt)
            await note_service(self._store, name)

    async def _take_over(self, wanted: Wanted, left: Left) -> None:
        """End what a killed process began: nobody knows whether it went.

        It is sent again by a service that knows repetitions, and once by any other where life is in danger:
        told twice is better than not at all.
        """
        channel = await self._channel(left)
        if channel is not None and left.message is not None and not wanted.over:
            knows_repetitions = isinstance(channel.service, KEEPS_FROM_TWICE)
            if knows_repetitions or (wanted.urgent and await may_send_again(self._store, left.key)):
                await self._hand_over(left.key, channel, _message(left.message))
                return
        why = "who sent it was killed: nobody knows whether it went"
        await settle_delivery(self._store, left.key, Outcome.UNKNOWN, why=why)

    async def _channel(self, left: Left) -> Channel | None:
        channels = await channels_of(self._store, self._box, left.person_key)
        return next((one for one in channels if one.way.key == left.channel_key), None)

    async def _compose(self, wanted: Wanted, claimed: Claim, round: int) -> Message:
        words = Words(wanted.language or DEFAULT_LANGUAGE)
        alert = await get_alert(self._store, wanted.alert_id)
        also = [await get_alert(self._store, one) for one in claimed.also if one != wanted.alert_id]
        token = self._links.token(wanted.key, asked_at=wanted.asked_at)
        return compose_for(
            alert,
            await self._places(alert),
            words=words,
            number=f"{wanted.key}-{claimed.key}",
            step=wanted.step,
            round=round,
            areas=await areas_of_person(self._store, wanted.person_key),
            link_base=self._link_base,
            answer_link=f"{self._link_base}{PATH}{token}",
            also=await self._titles(also, words),
        )

    async def _titles(self, alerts: Sequence[Mapping[str, Any]], words: Words) -> list[str]:
        return [
            title_of(one, words, (await self._places(one)).of(one) or words("unplaced")) for one in alerts
        ]

    async def _places(self, alert: Mapping[str, Any]) -> Places:
        area = alert["area"]
        return Places(await path_of(self._store, area) if area is not None else ())


def _pace(service: Service, *, urgent: bool) -> Pace | None:
    pace = PACES.get(type(service))
    if pace is None or urgent:
        return pace
    free = KEPT_FREE
    return Pace(
        in_minute=pace.in_minute - pace.in_minute // free, in_hour=pace.in_hour - pace.in_hour // free
    )


def _message(kept: Mapping[str, Any]) -> Message:
    buttons = tuple(Button(**one) for one in kept["buttons"])
    return Message(**{**kept, "buttons": buttons})
