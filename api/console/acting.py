"""What an operator does from the page: one alert or many, each answer told in words."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nicegui import ui

from api.access import still_here
from api.console.asking import (
    ask_call,
    ask_mute,
    ask_other,
    ask_person,
    ask_release,
    ask_sure,
    ask_text,
)
from api.console.board import Alert, Board
from api.console.feed_list import action_name
from api.console.nearby import nearest_people
from api.local_time import local_time
from api.office import Office
from api.sign_in import Person
from api.texts import Words
from gridwatch.errors import NotAllowed, NotFound, StoreUnavailable
from gridwatch.escalation.case import MuteKind
from gridwatch.lifts import Reason, in_words
from gridwatch.store.actions import Particulars, act
from gridwatch.store.lifts import get_lift, release
from gridwatch.store.mutes import add_mute
from gridwatch.workflow import RULES, Need

ACTING = ("POST", "/api/v1/alerts/{alert}/{action}")
MUTING = ("POST", "/api/v1/mutes")
RELEASING = ("POST", "/api/v1/lifts/{lift}/release")

UNSURE = frozenset({"false_alarm"})
"""What is asked about once more: it ends an alert, and nobody looks again by itself."""


class Acting:
    """The hands of one page: asks for what is needed, acts, and says what became of it."""

    def __init__(self, office: Office, board: Board, token: str, words: Words) -> None:
        self._office, self._board, self._token, self._words = office, board, token, words

    async def act(self, alerts: Sequence[int], action: str) -> None:
        """Do something with alerts, after asking for what it needs."""
        known = [self._board.alerts[one] for one in alerts if one in self._board.alerts]
        if not known:
            return
        if action == "mute":
            await self._mute(known[0])
        elif action == "release":
            await self._release_of(known)
        elif (person := await self._person(*ACTING)) is not None:
            given = await self._particulars(known, action, person)
            if given is not None:
                await self._carry_out(known, action, person, given)

    async def release(self, lift: str, name: str) -> None:
        """Let go of a lift, after asking why."""
        asked = await ask_release(self._words, name)
        person = await self._person(*RELEASING) if asked is not None else None
        if asked is None or person is None:
            return
        reason, note = asked
        is_false = reason is Reason.FALSE_ALARM
        try:
            found = await get_lift(self._office.store, lift)
            told = in_words(reason, note)
            await release(self._office.store, found, actor=person.username, reason=told, is_false=is_false)
        except (NotFound, NotAllowed, StoreUnavailable) as error:
            self._tell_error(error)
        else:
            ui.notify(self._words("lifts.released", name=name), type="positive")

    async def _release_of(self, alerts: Sequence[Alert]) -> None:
        held = next(filter(None, map(self._board.held, alerts)), None)
        if held is not None:
            await self.release(held.id, held.name or held.id)

    async def _particulars(self, alerts: Sequence[Alert], action: str, person: Person) -> Particulars | None:
        """Ask for what an action needs; None where the answer was left out."""
        words, title = self._words, action_name(self._words, action)
        need = RULES[action].need
        said: Mapping[str, Any] | None = {}
        if need in (Need.REASON, Need.TEXT):
            said = {need.value: await ask_text(words, title, words(f"ask.{need.value}"))}
        elif need is Need.TO:
            said = {"to": await ask_person(self._office, words, await self._near(alerts[0]))}
        elif need is Need.OF:
            said = {"of": await ask_other(words, title, self._others(alerts))}
        elif action == "call_119":
            said = await ask_call(words, person.username)
        elif action in UNSURE:
            said = {} if await ask_sure(words, words("ask.sure", action=title)) else None
        is_given = said is not None and all(value is not None for value in said.values())
        return Particulars(**said) if said is not None and is_given else None

    async def _near(self, alert: Alert) -> list[tuple[str, str]]:
        try:
            people = await nearest_people(self._office, alert, datetime.now(UTC))
        except StoreUnavailable:
            return []
        return [(one.code, one.in_words(self._words)) for one in people]

    def _others(self, alerts: Sequence[Alert]) -> dict[int, str]:
        """Return live alerts of the same scene or place, by id, as one chooses from them."""
        own = {alert["id"] for alert in alerts}
        first = alerts[0]
        live, _ = self._board.ordered()
        return {
            one[
                "id"
            ]: f"{one['id']} · {self._words.label(one['label'])} · {self._board.places.with_device(one)}"
            for one in live
            if one["id"] not in own and (one["area"] == first["area"] or one["scene"] == first["scene"])
        }

    async def _carry_out(
        self, alerts: Sequence[Alert], action: str, person: Person, given: Particulars
    ) -> None:
        refused: list[str] = []
        store, name = self._office.store, action_name(self._words, action)
        for alert in alerts:
            try:
                changed = await act(
                    store, alert["id"], action, actor=person.username, role=person.role, given=given
                )
            except NotFound:
                self._board.drop(alert["id"])
                refused.append(self._words("gone"))
            except NotAllowed as error:
                refused.append(self._why(alert, error))
            except StoreUnavailable:
                refused.append(self._words("failed"))
            else:
                self._board.take({changed["id"]: changed})
        done = len(alerts) - len(refused)
        if refused and len(alerts) == 1:
            ui.notify(refused[0], type="warning")
        elif refused:
            said = self._words("now.partly", action=name, count=done, failed=len(refused), why=refused[0])
            ui.notify(said, type="warning")
        elif len(alerts) > 1:
            ui.notify(self._words("now.done", action=name, count=done), type="positive")

    def _why(self, alert: Alert, error: NotAllowed) -> str:
        """Say how an alert stands by now where somebody else was faster, else what was wrong."""
        now = self._board.alerts.get(alert["id"], alert)
        if now["state"] == alert["state"]:
            return str(error)
        return self._words("refused", state=self._words("state." + now["state"]))

    async def _mute(self, alert: Alert) -> None:
        words, places = self._words, self._board.places
        whats = {"device": words("mute.device", name=alert["device_name"] or alert["device"])}
        if alert["area"] is not None:
            area, scene = places.name(alert["area"]), words.scene(alert["scene"])
            whats["area"] = words("mute.area", name=area, scene=scene)
        asked = await ask_mute(words, whats)
        person = await self._person(*MUTING) if asked is not None else None
        if asked is None or person is None:
            return
        what, reason, until = asked
        of = {"area": None, "device": alert["device"], "scene": None}
        if what == "area":
            of = {"area": alert["area"], "device": None, "scene": alert["scene"]}
        now = datetime.now(UTC)
        given: dict[str, Any] = {**of, "reason": reason, "starts_at": now, "ends_at": until}
        try:
            await add_mute(self._office.store, MuteKind.SILENCE, **given, by=person.username)
        except (NotFound, StoreUnavailable) as error:
            self._tell_error(error)
        else:
            ui.notify(words("mute.done", time=local_time(until, now=now)), type="positive")

    async def _person(self, method: str, path: str) -> Person | None:
        """Return who is at the page, if they may call a route now; send them away where they may not."""
        person = await still_here(self._office, self._token, method, path)
        if person is None:
            ui.navigate.to("/login")
        return person

    def _tell_error(self, error: Exception) -> None:
        text = self._words("failed") if isinstance(error, StoreUnavailable) else str(error)
        ui.notify(text, type="negative")
