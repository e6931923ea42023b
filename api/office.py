"""What the routes and the console work with: one set for each running server."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.feed import Feed
from api.sign_in import Guesses, Passwords, Person, Tokens
from gridwatch.evidence import EvidenceFiles
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.area_tree import CurrentTree


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """The parts that a request needs."""

    settings: Settings
    store: Store
    feed: Feed
    tree: CurrentTree
    evidence: EvidenceFiles
    tokens: Tokens
    passwords: Passwords
    guesses: Guesses


def office_of(request: Request) -> Office:
    """Return the office that answers this request."""
    office: Office = request.app.state.office
    return office


def person_of(request: Request) -> Person:
    """Return who asks; the gate has let them in."""
    person: Person = request.state.person
    return person


TheOffice = Annotated[Office, Depends(office_of)]
ThePerson = Annotated[Person, Depends(person_of)]
