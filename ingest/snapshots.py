"""Pictures that a foreign system keeps: fetched over HTTP where the settings allow it, kept as evidence.

Where Frigate wants a login (its port 8971), `POST /api/login` answers with a cookie that later requests bring
along. Source: Frigate's HTTP API, "Authentication".
"""

import asyncio
import logging
import ssl
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import httpx

from gridwatch.formats import Frigate
from gridwatch.model import DeviceFinding, Evidence
from ingest.bridges.files import read_secret, trusted

log = logging.getLogger(__name__)

LOGIN_PATH = "/api/login"

TIMEOUT_S = 5.0
MOST_BYTES = 20 * 1024 * 1024
REST_S = 30.0
"""How long a system that did not answer is let be: a lane of cameras must not wait for it again and again."""
REFUSED_REST_S = 300.0
"""After a wrong password: Frigate may count attempts."""


class _Refused(Exception):
    """The system does not accept the user name and password."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A system that pictures are fetched from: its address, who asks, whom we trust to be it."""

    api: str
    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | bool = True

    @classmethod
    def of(cls, frigate: Frigate) -> "Access":
        """Return how a Frigate is reached, with its secret read; raise SettingsError."""
        where = f"frigate {frigate.prefix}"
        password = read_secret(f"{where}: password", frigate.password_env, frigate.password_file)
        return cls(
            api=frigate.api or "",
            username=frigate.username,
            password=password or "",
            tls=trusted(where, frigate.certificate),
        )


class Snapshots:
    """Fetches pictures from the systems that the settings name, and from nobody else."""

    def __init__(self, accesses: Sequence[Access]) -> None:
        self._accesses = accesses
        self._rests_until: dict[str, float] = {}
        self._cookies: dict[str, httpx.Cookies] = {}
        self._logging_in: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def fetched(self, message: DeviceFinding) -> DeviceFinding:
        """Return a finding with the pictures that its links lead to.

        A picture that can't be had costs the evidence, never the finding: `criteria` counts them, and what
        was fetched for an earlier message of the same event stays.
        """
        finding = message.finding
        if not (self._accesses and finding.evidence):
            return message
        shown = [await self._fetched(evidence) for evidence in finding.evidence]
        missing = shown.count(None)
        criteria = dict(finding.criteria) | ({"evidence_missing": float(missing)} if missing else {})
        evidence = tuple(one for one in shown if one is not None)
        return replace(message, finding=replace(finding, evidence=evidence, criteria=criteria))

    async def _fetched(self, evidence: Evidence) -> Evidence | None:
        access = self._access(evidence.url)
        if evidence.url is None or access is None:
            return evidence
        if time.monotonic() < self._rests_until.get(access.api, 0.0):
            return None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                content = await self._get(access, evidence.url)
        except httpx.HTTPStatusError as error:
            log.warning("%s has no snapshot for us: HTTP %d", access.api, error.response.status_code)
            return None
        except _Refused:
            self._rest(access, REFUSED_REST_S, "it refuses the user name or password")
            return None
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            self._rest(access, REST_S, str(error) or type(error).__name__)
            return None
        return replace(evidence, url=None, content=content)

    def _access(self, url: str | None) -> Access | None:
        return next(
            (one for one in self._accesses if url is not None and url.startswith(f"{one.api}/")), None
        )

    def _rest(self, access: Access, rest_s: float, why: str) -> None:
        log.warning("%s gives no snapshots, it is asked again in %.0f s: %s", access.api, rest_s, why)
        self._rests_until[access.api] = time.monotonic() + rest_s

    async def _get(self, access: Access, url: str) -> bytes:
        """Return a picture; where a login is wanted or has lapsed, log in and ask once more."""
        content = await self._ask(access, url)
        if content is None:
            await self._log_in(access, self._cookies.get(access.api))
            content = await self._ask(access, url)
        if content is None:
            raise _Refused
        if not content or len(content) > MOST_BYTES:
            raise ValueError(f"{len(content)} bytes are no picture")
        return content

    async def _ask(self, access: Access, url: str) -> bytes | None:
        """Return the answer, at most a byte more than a picture may have; None where a login is wanted."""
        async with self._client(access) as client, client.stream("GET", url) as answer:
            if answer.status_code == httpx.codes.UNAUTHORIZED and access.username:
                return None
            # Who was named in the settings is asked, and nobody else: a redirect is no picture.
            if answer.is_redirect:
                raise ValueError("it leads elsewhere")
            answer.raise_for_status()
            content = b""
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > MOST_BYTES:
                    break
            return content

    async def _log_in(self, access: Access, before: httpx.Cookies | None) -> None:
        """Get a new cookie, unless another lane has got one meanwhile; raises _Refused."""
        async with self._logging_in[access.api]:
            if self._cookies.get(access.api) is not before:
                return
            self._cookies.pop(access.api, None)
            async with self._client(access) as client:
                answer = await client.post(
                    LOGIN_PATH, json={"user": access.username, "password": access.password}
                )
                if answer.is_client_error:
                    raise _Refused
                answer.raise_for_status()
                self._cookies[access.api] = client.cookies

    def _client(self, access: Access) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=access.api,
            cookies=self._cookies.get(access.api),
            timeout=TIMEOUT_S,
            verify=access.tls,
            trust_env=False,
        )
