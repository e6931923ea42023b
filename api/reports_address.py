"""Our address for what a service tells later: it ends with a secret, as none of them signs what it posts."""

import hashlib
import hmac

from gridwatch.services import REPORTS, Service, WeCom
from gridwatch.store import Store
from gridwatch.store.accounts import token_secret

SECRET_LENGTH = 32
"""Characters: 128 bits."""


async def callback_secret(store: Store, service: str) -> str:
    """Return what our address for a service's reports ends with."""
    secret = await token_secret(store)
    return hmac.new(secret, f"reports of {service}".encode(), hashlib.sha256).hexdigest()[:SECRET_LENGTH]


async def callback_address(store: Store, name: str, service: Service, *, base: str) -> str:
    """Return where a service posts what it tells later; nothing for one that tells nothing.

    WeCom seals what it posts, so its address holds no secret.
    """
    if isinstance(service, WeCom):
        return f"{base}/callbacks/{name}"
    if isinstance(service, REPORTS):
        return f"{base}/callbacks/{name}/{await callback_secret(store, name)}"
    return ""
