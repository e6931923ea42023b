"""Who may do what: the one table of routes and roles, and the one check that stands before them all.

Two things are asked of everybody: whether their role may call a route (the table below), and whether the
device, lift, alert, event or area that its address names lies in their part of the area tree. Lists need no
check: the store that a route gets sees that part alone (`Office.seen_by`). What is elsewhere is answered as
if it did not exist. A route that does not stand in the table is for administrators of the whole installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from api.gate import GUARDED, OPEN, person_behind
from api.office import Office, office_of
from api.sign_in import Person
from gridwatch.errors import NotFound, NotPermitted
from gridwatch.model import Role
from gridwatch.store.seen import Thing, is_seen

EVERYBODY = frozenset(Role)
PEOPLE = EVERYBODY - {Role.INTEGRATION}
OFFICE = frozenset({Role.ADMINISTRATOR, Role.OPERATOR})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Rule:
    """Which roles may call a route; `whole`: only who sees the whole installation, not a part of it."""

    roles: frozenset[Role]
    whole: bool = False

    def allows(self, person: Person) -> bool:
        """Say whether somebody may."""
        return person.role in self.roles and not (self.whole and person.area is not None)


READING = Rule(EVERYBODY)
LOOKING = Rule(PEOPLE)
ACTING = Rule(PEOPLE)
OPERATING = Rule(OFFICE)
REGISTERING = Rule(ADMINISTRATORS)
INSTALLING = Rule(ADMINISTRATORS, whole=True)

DEVICE, LIFT, ALERT = "/api/v1/devices/{device}", "/api/v1/lifts/{lift}", "/api/v1/alerts/{alert}"
EVENT = "/api/v1/events/{event}"

RULES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/api/v1/me"): READING,
    ("POST", "/api/v1/me/password"): LOOKING,
    ("GET", "/api/v1/me/duty"): LOOKING,
    ("GET", "/api/v1/me/alerts"): LOOKING,
    ("GET", "/api/v1/me/figures"): LOOKING,
    ("POST", "/api/v1/me/channels/{position}/test"): LOOKING,
    ("GET", "/api/v1/devices"): READING,
    ("POST", "/api/v1/devices"): REGISTERING,
    ("GET", DEVICE): LOOKING,
    ("PATCH", DEVICE): REGISTERING,
    ("DELETE", DEVICE): REGISTERING,
    ("POST", f"{DEVICE}/state"): OPERATING,
    ("GET", f"{DEVICE}/drill"): OPERATING,
    ("POST", f"{DEVICE}/drill"): OPERATING,
    ("GET", f"{DEVICE}/cameras"): LOOKING,
    ("GET", f"{DEVICE}/view"): OPERATING,
    ("PUT", f"{DEVICE}/view"): REGISTERING,
    ("DELETE", f"{DEVICE}/view"): REGISTERING,
    ("GET", f"{DEVICE}/credentials"): REGISTERING,
    ("POST", f"{DEVICE}/credentials"): REGISTERING,
    ("DELETE", f"{DEVICE}/credentials"): REGISTERING,
    ("GET", f"{DEVICE}/commands"): OPERATING,
    ("POST", f"{DEVICE}/commands"): OPERATING,
    ("GET", f"{DEVICE}/commands/{{command}}"): OPERATING,
    ("GET", "/api/v1/lifts"): LOOKING,
    ("GET", LIFT): LOOKING,
    ("PATCH", LIFT): REGISTERING,
    ("POST", f"{LIFT}/release"): ACTING,
    ("POST", f"{LIFT}/disable"): OPERATING,
    ("GET", f"{LIFT}/holds"): OPERATING,
    ("POST", f"{LIFT}/holds/{{hold}}/verdict"): OPERATING,
    ("GET", f"{LIFT}/changes"): OPERATING,
    ("GET", "/api/v1/areas"): READING,
    ("POST", "/api/v1/areas"): INSTALLING,
    ("POST", "/api/v1/areas/place"): INSTALLING,
    ("GET", "/api/v1/areas/at"): READING,
    ("GET", "/api/v1/areas/{code}"): READING,
    ("DELETE", "/api/v1/areas/{code}"): INSTALLING,
    ("GET", "/api/v1/areas/{code}/card"): LOOKING,
    ("GET", "/api/v1/areas/{code}/drill"): OPERATING,
    ("POST", "/api/v1/areas/{code}/drill"): OPERATING,
    ("GET", "/api/v1/workers"): OPERATING,
    ("GET", "/api/v1/roster"): OPERATING,
    ("GET", "/api/v1/roster/{table}"): INSTALLING,
    ("POST", "/api/v1/roster/{table}"): INSTALLING,
    ("DELETE", "/api/v1/roster/{table}/{worker}"): INSTALLING,
    ("GET", "/api/v1/escalation"): OPERATING,
    ("PUT", "/api/v1/escalation/{name}"): INSTALLING,
    ("DELETE", "/api/v1/escalation/{name}"): INSTALLING,
    ("GET", "/api/v1/keeping"): INSTALLING,
    ("PUT", "/api/v1/keeping/{name}"): INSTALLING,
    ("DELETE", "/api/v1/keeping/{name}"): INSTALLING,
    ("GET", "/api/v1/trail"): INSTALLING,
    ("GET", "/api/v1/services"): INSTALLING,
    ("PUT", "/api/v1/services/{service}"): INSTALLING,
    ("DELETE", "/api/v1/services/{service}"): INSTALLING,
    ("POST", "/api/v1/services/{service}/test"): INSTALLING,
    ("GET", "/api/v1/ways"): INSTALLING,
    ("POST", "/api/v1/ways"): INSTALLING,
    ("GET", "/api/v1/readings"): READING,
    ("GET", "/api/v1/events"): READING,
    ("GET", EVENT): READING,
    ("GET", f"{EVENT}/evidence"): READING,
    ("POST", f"{EVENT}/hold"): REGISTERING,
    ("DELETE", f"{EVENT}/hold"): REGISTERING,
    ("GET", "/api/v1/alerts"): READING,
    ("GET", "/api/v1/alerts/stream"): READING,
    ("GET", ALERT): READING,
    ("GET", f"{ALERT}/cap"): READING,
    ("POST", f"{ALERT}/photos"): ACTING,
    # Which of the actions a role may take says gridwatch/workflow.py.
    ("POST", f"{ALERT}/{{action}}"): READING,
    ("GET", "/api/v1/whom"): LOOKING,
    ("GET", "/api/v1/mutes"): LOOKING,
    ("POST", "/api/v1/mutes"): OPERATING,
    ("DELETE", "/api/v1/mutes/{mute}"): OPERATING,
    ("GET", "/api/v1/figures"): OPERATING,
    ("GET", "/api/v1/figures.csv"): OPERATING,
    ("GET", "/api/v1/figures/alerts"): OPERATING,
    ("GET", "/api/v1/figures/alerts.csv"): OPERATING,
    ("GET", "/api/v1/figures/devices"): OPERATING,
    ("GET", "/api/v1/figures/devices.csv"): OPERATING,
    ("GET", "/api/v1/handovers"): OPERATING,
    ("POST", "/api/v1/handovers"): OPERATING,
    ("GET", "/api/v1/handovers/now"): OPERATING,
    ("POST", "/api/v1/handovers/notes"): OPERATING,
    ("GET", "/api/v1/handovers/{handover}"): OPERATING,
    ("GET", "/api/v1/registry/knocking"): INSTALLING,
    ("POST", "/api/v1/registry/adopt"): INSTALLING,
    ("POST", "/api/v1/registry/import"): INSTALLING,
    ("GET", "/api/v1/registry/export"): REGISTERING,
    ("GET", "/api/v1/health/areas"): OPERATING,
    ("GET", "/api/v1/health/devices"): OPERATING,
    ("GET", f"{DEVICE}/channels"): LOOKING,
    ("GET", "/api/v1/quarantine"): INSTALLING,
    ("POST", "/api/v1/quarantine/replay"): INSTALLING,
    ("GET", "/api/v1/fire-weather"): READING,
    ("GET", "/api/v1/fire-weather/now"): READING,
    ("GET", "/api/v1/users"): INSTALLING,
    ("POST", "/api/v1/users"): INSTALLING,
    ("DELETE", "/api/v1/users/{username}"): INSTALLING,
    ("GET", "/api/v1/tokens"): INSTALLING,
    ("POST", "/api/v1/tokens"): INSTALLING,
    ("DELETE", "/api/v1/tokens/{token}"): INSTALLING,
    ("GET", "/api/v1/webhooks"): INSTALLING,
    ("POST", "/api/v1/webhooks"): INSTALLING,
    ("DELETE", "/api/v1/webhooks/{webhook}"): INSTALLING,
    ("POST", "/api/v1/webhooks/{webhook}/test"): INSTALLING,
    ("GET", "/api/v1/webhooks/{webhook}/dead"): INSTALLING,
    ("DELETE", "/api/v1/webhooks/{webhook}/dead"): INSTALLING,
    ("POST", "/api/v1/webhooks/{webhook}/replay"): INSTALLING,
}
"""By method and path as the route declares it."""

OWN_PROOF: Mapping[tuple[str, str], str] = {
    ("GET", "/healthz"): "none: says that it is there",
    ("GET", "/readyz"): "none: says whether it works, and of what is missing only what kind of thing",
    ("GET", "/metrics"): "none: counts; keep it from strangers at the proxy",
    ("POST", "/api/v1/token"): "a name and its password",
    ("POST", "/api/v1/claim"): "a token of a batch, good once",
    ("POST", "/login"): "a name and its password, from our own page",
    ("POST", "/logout"): "none: forgets a cookie, from our own page",
    ("POST", "/handover"): "the browser's cookie, from our own page",
    ("GET", "/worker"): "none: a page without data, which signs in itself",
    ("GET", "/worker/sign-in"): "none: a page without data",
    ("GET", "/worker/{name}"): "none: the files of that page",
    ("GET", "/a/{token}"): "a signed link, good for a day and one call; looking does nothing",
    ("POST", "/a/{token}"): "a signed link, good for a day and one call",
    ("POST", "/callbacks/{service}/{secret}"): "the secret in the address of a service's reports",
    ("GET", "/callbacks/{service}"): "WeCom's signature",
    ("POST", "/callbacks/{service}"): "WeCom's signature, in a sealed envelope",
    ("GET", "/login/wecom/{service}"): "none: leads to WeCom's sign-in",
    ("GET", "/login/wecom/{service}/back"): "a code of WeCom's sign-in, for the browser that asked",
}
"""Routes that nobody signs in for, and what proves to them who asks. One that stands nowhere is refused."""

THINGS: Mapping[str, Thing] = {
    "device": Thing.DEVICE,
    "lift": Thing.DEVICE,
    "alert": Thing.ALERT,
    "event": Thing.EVENT,
    "code": Thing.AREA,
}
"""What a name in a path stands for, wherever it does."""


def rule_of(method: str, path: str) -> Rule:
    """Return the rule of a route."""
    return RULES.get((_asked(method), path), INSTALLING)


def _asked(method: str) -> str:
    """Return the method that a route declares for what was asked."""
    return "GET" if method == "HEAD" else method


async def still_here(office: Office, token: str, method: str, path: str) -> Person | None:
    """Return who has a page open, or None where they may not call this route or see this office now."""
    person = await person_behind(office, token)
    if person is None or person.area != office.area or not rule_of(method, path).allows(person):
        return None
    return person


async def check_access(request: Request) -> None:
    """Let a request through that its caller may make; raise NotPermitted or NotFound."""
    path = request.scope["route"].path
    if not path.startswith(GUARDED) or path in OPEN:
        if (_asked(request.method), path) not in OWN_PROOF:
            raise NotPermitted("this address is open to nobody")
        return
    person: Person = request.state.person
    rule = rule_of(request.method, path)
    if not rule.allows(person):
        raise NotPermitted(_refusal(rule, person))
    if person.area is None:
        return
    store = office_of(request).store
    for name, value in request.path_params.items():
        if name in THINGS and not await is_seen(store, THINGS[name], value):
            raise NotFound(f"no {name} {value!r} in your area")


def _refusal(rule: Rule, person: Person) -> str:
    if person.role in rule.roles:
        return f"your account is for area {person.area} only; this is for the whole installation"
    roles = ", ".join(sorted(rule.roles))
    return f"your role is {person.role}; this is for {roles}"
