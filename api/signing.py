"""Signing with name and password: guesses are limited wherever a password is asked for."""

import math

from fastapi import HTTPException, Request

from api.access import rule_of
from api.office import Office
from api.sign_in import Person, sign_in
from gridwatch.errors import GridwatchError
from gridwatch.store.connection import Row
from gridwatch.store.handovers import hand_over
from gridwatch.store.seen import Thing, is_seen

HANDOVERS = "/api/v1/handovers"

REFUSALS = {
    "wrong": "taken_by, password: wrong name or password",
    "self": "taken_by: who leaves can't take over too; let the one who comes sign",
    "may_not": "taken_by: only operators and administrators take over a shift",
    "area": "taken_by: this account does not see the whole area of the desk",
}


class HandoverRefused(GridwatchError):
    """Who comes can't take over; `reason` is a key of REFUSALS."""

    def __init__(self, reason: str) -> None:
        super().__init__(REFUSALS[reason])
        self.reason = reason


async def check_password(office: Office, request: Request, username: str, password: str) -> Person | None:
    """Return who has this name and password, or None; raise HTTPException 429 after too many guesses."""
    address = request.client.host if request.client else ""
    wait_s = office.guesses.wait_s(username, address)
    if wait_s > 0:
        headers = {"Retry-After": str(math.ceil(wait_s))}
        raise HTTPException(429, f"too many wrong passwords: wait {math.ceil(wait_s)} s", headers=headers)
    person = await sign_in(office.store, office.passwords, username, password)
    if person is None:
        office.guesses.count(username, address)
    else:
        office.guesses.forget(username, address)
    return person


async def sign_over(
    office: Office, request: Request, leaver: Person, *, username: str, password: str, after: int
) -> Row:
    """Hand the leaver's desk over to who signs with name and password; return the handover.

    `office` is that of the leaver. Who comes needs the same rights: the role, and the whole area of the desk.
    Raises HandoverRefused, HTTPException 429, and NotAllowed where the desk was handed over meanwhile.
    """
    comer = await check_password(office, request, username, password)
    if comer is None:
        raise HandoverRefused("wrong")
    if comer.username == leaver.username:
        raise HandoverRefused("self")
    if not rule_of("POST", HANDOVERS).allows(comer):
        raise HandoverRefused("may_not")
    if comer.area is not None and (
        office.area is None or not await is_seen(office.store.within(comer.area), Thing.AREA, office.area)
    ):
        raise HandoverRefused("area")
    return await hand_over(
        office.store, office.area, left_by=leaver.username, taken_by=comer.username, after=after
    )
