"""How requests to Alibaba Cloud and Tencent Cloud are signed.

* Alibaba Cloud, ACS3-HMAC-SHA256: help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
* Tencent Cloud, TC3-HMAC-SHA256: https://cloud.tencent.com/document/api/213/30654

The tests hold the results against the examples that these pages print.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

ALIYUN, TENCENT = "ACS3-HMAC-SHA256", "TC3-HMAC-SHA256"
JSON = "application/json; charset=utf-8"


def aliyun_request(
    client: httpx.AsyncClient,
    base: str,
    *,
    key_id: str,
    secret: str,
    action: str,
    version: str,
    given: Mapping[str, str],
    nonce: str,
    now: datetime,
) -> httpx.Request:
    """Return a signed call of an action: what is given travels in the query, the body is empty."""
    query = "&".join(f"{quote(name, safe='~')}={quote(given[name], safe='~')}" for name in sorted(given))
    headers = {
        "host": urlsplit(base).netloc,
        "x-acs-action": action,
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    signed = ";".join(headers)
    canonical = "\n".join(["POST", "/", query, *_lines(headers), "", signed, headers["x-acs-content-sha256"]])
    to_sign = f"{ALIYUN}\n{_digest(canonical)}"
    signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = f"{ALIYUN} Credential={key_id},SignedHeaders={signed},Signature={signature}"
    return client.build_request("POST", f"{base}/?{query}", headers=headers)


def tencent_request(
    client: httpx.AsyncClient,
    base: str,
    *,
    key_id: str,
    secret: str,
    service: str,
    action: str,
    version: str,
    region: str,
    given: Mapping[str, Any],
    now: datetime,
) -> httpx.Request:
    """Return a signed call of an action: what is given travels in the body."""
    body = json.dumps(given, ensure_ascii=False).encode()
    host = urlsplit(base).netloc
    timestamp, date = str(int(now.timestamp())), now.astimezone(UTC).strftime("%Y-%m-%d")
    signature = tencent_signature(
        secret, service=service, action=action, host=host, body=body, timestamp=timestamp, date=date
    )
    scope = f"{date}/{service}/tc3_request"
    headers = {
        "content-type": JSON,
        "host": host,
        "x-tc-action": action,
        "x-tc-version": version,
        "x-tc-timestamp": timestamp,
        "x-tc-region": region,
        "authorization": (
            f"{TENCENT} Credential={key_id}/{scope}, "
            f"SignedHeaders=content-type;host;x-tc-action, Signature={signature}"
        ),
    }
    return client.build_request("POST", f"{base}/", content=body, headers=headers)


def tencent_signature(
    secret: str, *, service: str, action: str, host: str, body: bytes, timestamp: str, date: str
) -> str:
    """Return the signature over a body, its host and its action at a time."""
    to_sign = tencent_text_to_sign(
        service, action=action, host=host, body=body, timestamp=timestamp, date=date
    )
    key = f"TC3{secret}".encode()
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def tencent_text_to_sign(
    service: str, *, action: str, host: str, body: bytes, timestamp: str, date: str
) -> str:
    """Return what Tencent Cloud has signed: the algorithm, when, what for, and the request's digest."""
    headers = {"content-type": JSON, "host": host, "x-tc-action": action.lower()}
    payload = hashlib.sha256(body).hexdigest()
    canonical = "\n".join(["POST", "/", "", *_lines(headers), "", ";".join(headers), payload])
    return f"{TENCENT}\n{timestamp}\n{date}/{service}/tc3_request\n{_digest(canonical)}"


def _lines(headers: Mapping[str, str]) -> list[str]:
    return [f"{name}:{value}" for name, value in headers.items()]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
