"""How `up` sees that the API and the collector work: the API's own `/readyz`."""

import asyncio
import http.client
import json
from dataclasses import dataclass

ANSWER_WITHIN_S = 2.0

LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, not bound
"""Where a server that listens everywhere is reached from here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """What `/readyz` says."""

    ready: bool
    collectors: int


async def ask_readiness(host: str, port: int) -> Readiness | None:
    """Return what the API says of itself, None while it does not answer."""
    return await asyncio.to_thread(_ask, LOOPBACK_OF.get(host, host), port)


def _ask(host: str, port: int) -> Readiness | None:
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    collectors = said.get("collectors") if isinstance(said, dict) else None
    return Readiness(
        ready=answer.status == http.client.OK, collectors=collectors if isinstance(collectors, int) else 0
    )
