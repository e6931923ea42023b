"""What somebody who was called answers, by whichever way: one door to the alert, and to the call."""

import re
import unicodedata
from dataclasses import dataclass

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.model import Role
from gridwatch.store import Store
from gridwatch.store.actions import NOTHING, Particulars, act
from gridwatch.store.deliveries import mark_answered, owner_of_call

ACCEPT, ACKNOWLEDGE, RETURN = "accept", "acknowledge", "return"

KEYS = {"1": ACCEPT, "2": RETURN}
"""What keys and text messages mean: going there, and not being able to."""

WORDS = {"收到": ACKNOWLEDGE, "接单": ACCEPT, "无法前往": RETURN}

CAN_NOT = Particulars(reason="无法前往 / can't go")

ANSWERED = re.compile(r"(?P<key>[12]|收到|接单|无法前往)(?:\D+(?P<alert>\d{1,18}))?\W*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What became of an answer: `refused` says why the alert stays as it is."""

    alert_id: int
    language: str
    refused: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What somebody said: an action, and the alert where they named one."""

    action: str
    alert_id: int | None = None


def read_words(words: str) -> Answer | None:
    """Return what a text message or keys say; None where they say nothing that is known."""
    found = ANSWERED.fullmatch(unicodedata.normalize("NFKC", words).strip())
    if found is None:
        return None
    key, alert = found["key"], found["alert"]
    return Answer(action=KEYS.get(key) or WORDS[key], alert_id=int(alert) if alert else None)


async def answer_call(store: Store, call_key: int, action: str) -> Answered:
    """Let whoever is called act on the alert; the call is answered, whatever becomes of it.

    Raises NotFound for a call that is gone, and NotAllowed for an action that nobody is asked for.
    """
    owner = await owner_of_call(store, call_key)
    if owner is None:
        raise NotFound("this call is gone")
    if action not in {ACCEPT, ACKNOWLEDGE, RETURN}:
        raise NotAllowed(f"a call is not answered by {action!r}")
    told = Answered(alert_id=owner["alert_id"], language=owner["language"])
    try:
        await act(
            store,
            owner["alert_id"],
            action,
            actor=owner["username"] or owner["code"],
            role=Role.GRID_WORKER,
            person=owner["person_key"],
            given=CAN_NOT if action == RETURN else NOTHING,
        )
    except NotAllowed as error:
        told = Answered(alert_id=owner["alert_id"], language=owner["language"], refused=str(error))
    await mark_answered(store, call_key, action)
    return told
