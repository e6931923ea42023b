"""Who may do what with an alert in which state: one table for the API, the pages and the documentation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gridwatch.errors import NotAllowed
from gridwatch.model import LIVE_STATES, AlertState, Role

OPEN, ACKNOWLEDGED = AlertState.OPEN, AlertState.ACKNOWLEDGED
ACCEPTED, HANDLING = AlertState.ACCEPTED, AlertState.HANDLING
RESOLVED, VERIFIED, CLOSED = AlertState.RESOLVED, AlertState.VERIFIED, AlertState.CLOSED
FALSE_ALARM, DUPLICATE = AlertState.FALSE_ALARM, AlertState.DUPLICATE

EVERYBODY = frozenset(Role)
PEOPLE = EVERYBODY - {Role.INTEGRATION}
CONTROL_ROOM = frozenset({Role.ADMINISTRATOR, Role.OPERATOR})
TAKEN = frozenset({ACCEPTED, HANDLING})


class Need(StrEnum):
    """What an action must be given besides."""

    REASON = "reason"
    TEXT = "text"
    TO = "to"
    """The number at work of a person on the roster."""
    OF = "of"
    """The id of another alert."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One action: from which state into which, by whom.

    `own`: the states in which a grid worker may do it only with an alert that they accepted or were assigned.
    """

    leads: Mapping[AlertState, AlertState]
    roles: frozenset[Role]
    own: frozenset[AlertState] = frozenset()
    need: Need | None = None
    says: str
    says_zh: str


def _from(*states: AlertState, to: AlertState) -> Mapping[AlertState, AlertState]:
    return dict.fromkeys(sorted(states, key=list(AlertState).index), to)


_STAYS = {state: state for state in AlertState}

RULES: Mapping[str, Rule] = {
    "acknowledge": Rule(
        leads=_from(OPEN, to=ACKNOWLEDGED),
        roles=EVERYBODY,
        says="Say that you have seen it. In the control room that stops no call to the field.",
        says_zh="表示已看到。值班室确认不会停止通知现场人员。",
    ),
    "assign": Rule(
        leads=_from(*LIVE_STATES, to=ACKNOWLEDGED),
        roles=CONTROL_ROOM,
        need=Need.TO,
        says="Give it to one person, who is called now.",
        says_zh="指派给一个人，并立即通知。",
    ),
    "accept": Rule(
        leads=_from(OPEN, ACKNOWLEDGED, to=ACCEPTED),
        roles=PEOPLE,
        says="Take it: you are on the way, and nobody else is called.",
        says_zh="接单：本人前往，停止通知其他人。",
    ),
    "arrive": Rule(
        leads=_from(ACCEPTED, to=HANDLING),
        roles=PEOPLE,
        own=TAKEN,
        says="Say that you are there.",
        says_zh="到达现场。",
    ),
    "handle": Rule(
        leads=_from(ACCEPTED, to=HANDLING),
        roles=PEOPLE,
        own=TAKEN,
        says="Say that you are at work on it without being there.",
        says_zh="开始处置（不到现场）。",
    ),
    "resolve": Rule(
        leads=_from(*LIVE_STATES, to=RESOLVED),
        roles=EVERYBODY,
        own=TAKEN,
        says="Say that the danger is over.",
        says_zh="险情已排除。",
    ),
    "verify": Rule(
        leads=_from(RESOLVED, to=VERIFIED),
        roles=CONTROL_ROOM,
        says="Confirm, by a look or a call, that it is over.",
        says_zh="核查：经查看或电话确认已处置。",
    ),
    "close": Rule(
        leads=_from(VERIFIED, to=CLOSED),
        roles=CONTROL_ROOM,
        says="Put it away.",
        says_zh="结案。",
    ),
    "return": Rule(
        leads={OPEN: OPEN, ACKNOWLEDGED: ACKNOWLEDGED, ACCEPTED: ACKNOWLEDGED, HANDLING: ACKNOWLEDGED},
        roles=PEOPLE,
        own=TAKEN,
        need=Need.REASON,
        says="Give it back: it is not yours, or you can't go. The next is called at once.",
        says_zh="退回：不属于本人或无法前往，立即通知下一人。",
    ),
    "false_alarm": Rule(
        leads=_from(*LIVE_STATES, to=FALSE_ALARM),
        roles=PEOPLE,
        own=LIVE_STATES,
        says="Say that there was nothing.",
        says_zh="误报。",
    ),
    "duplicate": Rule(
        leads=_from(*LIVE_STATES, to=DUPLICATE),
        roles=CONTROL_ROOM,
        need=Need.OF,
        says="Say that another alert is of the same incident.",
        says_zh="与另一告警重复。",
    ),
    "reopen": Rule(
        leads=_from(RESOLVED, VERIFIED, CLOSED, FALSE_ALARM, DUPLICATE, to=OPEN),
        roles=CONTROL_ROOM,
        need=Need.REASON,
        says="It is not over: people are called from the start.",
        says_zh="重新打开：从头开始通知。",
    ),
    "escalate": Rule(
        leads={state: state for state in AlertState if state in LIVE_STATES},
        roles=PEOPLE,
        says="Call the next level now.",
        says_zh="立即通知上一级。",
    ),
    "comment": Rule(
        leads=_STAYS,
        roles=EVERYBODY,
        need=Need.TEXT,
        says="Write something into its timeline.",
        says_zh="在时间线中留言。",
    ),
    "call_119": Rule(
        leads=_STAYS,
        roles=PEOPLE,
        says="Note that the fire brigade was called: `caller`, `called_at`, `reference`; unset: you, now.",
        says_zh="登记已拨打 119：报警人、时间、警情编号，不填即本人、此刻。",
    ),
}
"""What may be done, in the order in which people do it."""


def allowed_actions(state: AlertState, role: Role, *, is_own: bool = False) -> list[str]:
    """Return what `role` may do with an alert in `state`; `is_own`: it is theirs."""
    return [
        action
        for action, rule in RULES.items()
        if state in rule.leads
        and role in rule.roles
        and (is_own or role is not Role.GRID_WORKER or state not in rule.own)
    ]


def after(
    action: str,
    state: AlertState,
    role: Role,
    *,
    is_own: bool = False,
    whose: str | None = None,
    since: datetime | None = None,
) -> AlertState:
    """Return the state that `action` leads to.

    Raises NotAllowed that says how the alert stands, by whom (`whose`) since when, and what is allowed.
    """
    allowed = allowed_actions(state, role, is_own=is_own)
    if action in allowed:
        return RULES[action].leads[state]
    stands = f"the alert is {state.value.replace('_', ' ')}"
    if whose:
        stands += f" by {whose}"
    if since is not None:
        stands += f" since {since.isoformat(timespec='seconds')}"
    if action in RULES and state in RULES[action].leads and role not in RULES[action].roles:
        stands += f"; {action!r} is not for the role {role.value}"
    elif action in RULES and state in RULES[action].leads:
        stands += f"; {action!r} is for the one whose alert it is"
    raise NotAllowed(
        f"{stands}; it can't be changed by {action!r}; allowed: {', '.join(allowed) or 'nothing'}"
    )
