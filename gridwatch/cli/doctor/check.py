"""One thing that was looked at."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do where it is not well."""

    subject: str
    state: State
    found: str
    todo: str = ""


def ok(subject: str, found: str) -> Check:
    """Return that something is well."""
    return Check(subject=subject, state=State.OK, found=found)


def warn(subject: str, found: str, todo: str) -> Check:
    """Return that something works and may not go on so."""
    return Check(subject=subject, state=State.WARN, found=found, todo=todo)


def fail(subject: str, found: str, todo: str) -> Check:
    """Return that something does not work, or that messages can be lost."""
    return Check(subject=subject, state=State.FAIL, found=found, todo=todo)
