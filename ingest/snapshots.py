"""Pictures that a foreign system keeps: fetched over HTTP where the settings allow it, kept as evidence."""

import asyncio
import logging
import time
import urllib.request
from collections.abc import Collection
from dataclasses import replace
from http.client import HTTPException
from typing import Any

from gridwatch.model import DeviceFinding, Evidence

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
MOST_BYTES = 20 * 1024 * 1024
REST_S = 30.0
"""How long a system that did not answer is let be: a lane of cameras must not wait for it again and again."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Who was named in the settings is asked, and nobody else."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Snapshots:
    """Fetches pictures from the systems that the settings name."""

    def __init__(self, bases: Collection[str]) -> None:
        self._bases = bases
        self._rests_until: dict[str, float] = {}
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)

    async def fetched(self, message: DeviceFinding) -> DeviceFinding:
        """Return a finding with the pictures that its links lead to.

        A picture that can't be had costs the evidence, never the finding: `criteria` counts them, and what
        was fetched for an earlier message of the same event stays.
        """
        finding = message.finding
        if not (self._bases and finding.evidence):
            return message
        shown = [await self._fetched(evidence) for evidence in finding.evidence]
        missing = shown.count(None)
        criteria = dict(finding.criteria) | ({"evidence_missing": float(missing)} if missing else {})
        evidence = tuple(one for one in shown if one is not None)
        return replace(message, finding=replace(finding, evidence=evidence, criteria=criteria))

    async def _fetched(self, evidence: Evidence) -> Evidence | None:
        base = self._base(evidence.url)
        if evidence.url is None or base is None:
            return evidence
        if time.monotonic() < self._rests_until.get(base, 0.0):
            return None
        try:
            content = await asyncio.to_thread(self._get, evidence.url)
        except urllib.request.HTTPError as error:
            log.warning("%s has no snapshot for us: HTTP %d", base, error.code)
            return None
        except (OSError, HTTPException, ValueError) as error:
            log.warning("%s gives no snapshots, it is asked again in %.0f s: %s", base, REST_S, error)
            self._rests_until[base] = time.monotonic() + REST_S
            return None
        return replace(evidence, url=None, content=content)

    def _base(self, url: str | None) -> str | None:
        return next((base for base in self._bases if url is not None and url.startswith(f"{base}/")), None)

    def _get(self, url: str) -> bytes:
        with self._opener.open(url, timeout=TIMEOUT_S) as answer:
            content: bytes = answer.read(MOST_BYTES + 1)
        if not content or len(content) > MOST_BYTES:
            raise ValueError(f"{len(content)} bytes are no picture")
        return content
