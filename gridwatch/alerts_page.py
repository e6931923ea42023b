"""The page docs/alerts.md, written from the tables that the programs go by.

`python -m gridwatch.alerts_page > docs/alerts.md` writes it anew; a test says when it must be.
"""

from collections.abc import Iterable, Sequence

from gridwatch.escalation.policy import ASKED_TO_VERIFY
from gridwatch.escalation.times import USUAL, Times
from gridwatch.model import AlertState, Role
from gridwatch.workflow import RULES, Rule

BEGINNING = """# Alerts: who may do what, and whom they call

This page is written by `python -m gridwatch.alerts_page` from the tables that the programs go by.

## What may be done

`POST /api/v1/alerts/{id}/{action}`, with a JSON object where the action needs something. Of two at once
one wins; the other gets 409, which says by whom and since when the alert stands as it does, and what is
allowed.
"""

CALLING = f"""
## Whom an alert calls

The ladder of a place: who is responsible now, their stand-ins, then estate, community, town, district,
and at last the administrators; where none is on the roster, the channels of the installation
(`GRIDWATCH_NOTIFY_URLS`). A rung without anybody is left out. A micro grid that the place lies in by its
boundary, and that hangs beside it in the tree, is called as if it were above it. An account that is bound to
that micro grid sees the alert only where the building hangs below it: let it, where you can.

1. Of what is simulated nobody is told, of a device in test its tester alone. A drill
   (`gridwatch areas drill`, `POST /api/v1/areas/{{code}}/drill`) calls the people on duty up the ladder once,
   keeps silences and quiet hours, and then closes by itself. What is real meanwhile is an alert of its own,
   and never a drill's duplicate.
2. The first rung is called. Who does not take it in time is followed by the next, until all were called;
   then the widest is called again, each time after twice as long.
3. Life safety (critical) calls several rungs at once, runs round the clock, and in the end calls all
   again and again.
4. That the control room has seen it (`acknowledge`) stops no call to the field. A grid worker who has
   seen it has a while to take it. Taking it (`accept`) ends the calls of all others.
5. Who took it and is late is reminded, then the next rung is called.
6. A silence or maintenance (`/api/v1/mutes`), or an outage of the gateway or area that explains a
   device's trouble, holds calls back until it ends. It never holds back life safety.
7. What somebody resolved is to be verified: the administrators are asked up to {ASKED_TO_VERIFY} times,
   then it closes by itself, unless it was about life. What was verified closes by itself.

Every decision stands in the alert's timeline (`GET /api/v1/alerts/{{id}}`, `detail`): who was called and
why, why nobody was, and what comes next and when. `told` says by which
channels each of them was reached, when, and what they answered. `gridwatch whom --device D --at TIME` and
`GET /api/v1/whom` say it before it happens.

## Times

In minutes; *working* time passes in the hours of an office (8:30 to 17:30) of working days alone. These
are ours, of no standard. A TOML file that `GRIDWATCH_ESCALATION` names replaces single ones: `[major]`,
or `["fire.major"]` for one scene.
"""


def page() -> str:
    """Return the whole page."""
    actions, times = _rows(ACTIONS, map(_action, RULES)), _rows(("what", "", *USUAL), _times())
    return "\n".join([BEGINNING, *actions, CALLING, *times]) + "\n"


ACTIONS = ("action", "from", "to", "roles", "needs", "means", "说明")


def _action(action: str) -> Sequence[str]:
    rule = RULES[action]
    return (
        f"`{action}`",
        ", ".join(_name(state) for state in rule.leads) if len(rule.leads) < len(AlertState) else "any",
        _leads(rule),
        _roles(rule),
        f"`{rule.need}`" if rule.need else "",
        rule.says,
        rule.says_zh,
    )


def _leads(rule: Rule) -> str:
    if all(source is target for source, target in rule.leads.items()):
        return "the same"
    moved = {_name(to) for source, to in rule.leads.items() if source is not to}
    return ", ".join(sorted(moved))


def _roles(rule: Rule) -> str:
    named = []
    for role in Role:
        if role in rule.roles:
            own = rule.own and role is Role.GRID_WORKER
            named.append(_name(role) + (" (own)" if own else ""))
    return ", ".join(named)


def _name(word: str) -> str:
    return str(word).replace("_", " ")


def _times() -> Iterable[Sequence[str]]:
    for name, field in Times.model_fields.items():
        yield (
            f"`{name}`",
            field.description or "",
            *(_value(getattr(times, name)) for times in USUAL.values()),
        )


def _value(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value:g}"


def _rows(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


if __name__ == "__main__":
    print(page(), end="")
