"""What is sent to one person, and what can go wrong on the way.

NotSent            the service did not take it now: another channel, and later this one again
├── Refused        it will not take it however often: the address or the text is wrong
├── TooFast        more than it allows; `after_s` says when to try again
└── BadCredential  secret, token, key or address of ours is wrong or has expired: the administrator must act
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from gridwatch.errors import GridwatchError

SEND_WITHIN_S = 15.0
"""A service that takes longer has failed."""

TOO_FAST_STATUS = 429


class NotSent(GridwatchError):
    """A service did not take a message; the text holds neither addresses nor secrets."""


class Refused(NotSent):
    """A service will not take this however often."""


class TooFast(NotSent):
    """A service takes no more for now."""

    def __init__(self, text: str, *, after_s: float) -> None:
        super().__init__(text)
        self.after_s = after_s


class BadCredential(NotSent):
    """What proves us to the service is wrong or has expired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """Something that a person can answer with: what it says, and the action it stands for."""

    text: str
    action: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What one person is told, the same however often it is composed: services tell repetitions by that.

    `number` names it to the service (A-Z a-z 0-9 - _ @, at most 128 characters); `short` are the few words
    that templates of text messages and calls are filled with: what, place, time, number, link.
    """

    number: str
    title: str
    body: str
    link: str
    short: Mapping[str, str]
    buttons: tuple[Button, ...] = ()


async def ask(client: httpx.AsyncClient, request: httpx.Request, *, whose: str) -> dict[str, Any]:
    """Send a request and return the JSON object of the answer, whatever its status. Raises NotSent."""
    try:
        response = await client.send(request, follow_redirects=False)
    except httpx.HTTPError as error:
        # Its own text may hold the address with its secrets.
        raise NotSent(f"{whose} can't be reached ({type(error).__name__})") from None
    if response.status_code == TOO_FAST_STATUS:
        raise TooFast(f"{whose} takes no more for now (429)", after_s=_retry_after_s(response))
    try:
        answer = response.json()
    except ValueError:
        raise NotSent(f"{whose} answers {response.status_code} and no JSON") from None
    if not isinstance(answer, dict):
        raise NotSent(f"{whose} answers {response.status_code} and nothing that it documents")
    return answer


def _retry_after_s(response: httpx.Response) -> float:
    try:
        return max(1.0, float(response.headers.get("retry-after", 60)))
    except ValueError:
        return 60.0
