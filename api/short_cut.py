"""The short way to the live stream, past all that a framework does for a request.

Ten thousand connections stay open at once, and come back at once when the server was away: by this way one
costs half the memory and a quarter of the processor's time. Whatever is not quite usual goes the long way, to
the same stream or to the problem that says what is wrong.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access import rule_of
from api.event_stream import open_stream
from api.fields import LARGEST_ID
from api.office import Office
from api.sign_in import Person

STREAM = "/api/v1/alerts/stream"


class ShortCut:
    """Stands behind the gate, before the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open the stream, or pass the request on."""
        if scope["type"] == "http" and scope["path"] == STREAM and scope["method"] == "GET":
            person: Person = scope["state"]["person"]
            last_seen = Headers(scope=scope).get("last-event-id")
            if rule_of("GET", STREAM).allows(person) and _is_usual(last_seen) and not scope["query_string"]:
                office: Office = scope["app"].state.office
                after = None if last_seen is None else int(last_seen)
                await open_stream(office, person, after)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_usual(last_seen: str | None) -> bool:
    return last_seen is None or (
        last_seen.isascii() and last_seen.isdecimal() and len(last_seen) < 20 and int(last_seen) <= LARGEST_ID
    )
