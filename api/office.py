"""What the routes and the console work with: one set for each running server."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request

from api.feed import AreaFeed, Feed
from api.listeners import Listeners
from api.sign_in import Callers, Guesses, Passwords, Person, Tokens
from gridwatch.evidence import EvidenceFiles
from gridwatch.model import Role
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.area_tree import CurrentTree


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """The parts that a request needs, as far as who asks may see."""

    settings: Settings
    store: Store
    feed: Feed | AreaFeed
    tree: CurrentTree
    evidence: EvidenceFiles
    tokens: Tokens
    callers: Callers
    passwords: Passwords
    guesses: Guesses
    listeners: Listeners
    area: str | None = None

    def seen_by(self, person: Person) -> "Office":
        """Return the office as somebody sees it: of an area, only what lies in it and below.

        A grid worker sees besides the places of what they were called for. What lies in no area belongs to
        those who see all.
        """
        if person.area is None:
            return self
        area, called = person.area, person.username if person.role is Role.GRID_WORKER else ""
        return replace(
            self,
            store=self.store.within(area, called=called),
            feed=self.feed.within(area, called=called),
            tree=self.tree.within(area),
            area=area,
        )


def office_of(request: Request) -> Office:
    """Return the office that answers this request, as who asks may see it; the gate says who that is."""
    office: Office = request.app.state.office
    person: Person | None = getattr(request.state, "person", None)
    return office if person is None else office.seen_by(person)


# Asynchronous: what is not goes to a thread and back for each request.
async def _office(request: Request) -> Office:
    return office_of(request)


async def _person(request: Request) -> Person:
    """Return who asks; the gate has let them in."""
    person: Person = request.state.person
    return person


TheOffice = Annotated[Office, Depends(_office)]
ThePerson = Annotated[Person, Depends(_person)]
