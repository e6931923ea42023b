"""Our address for what a service tells later: it ends with a secret, as none of them signs what it posts."""

import hashlib
import hmac

from gridwatch.store import Store
from gridwatch.store.accounts import token_secret

SECRET_LENGTH = 32
"""Characters: 128 bits."""


async def callback_secret(store: Store, service: str) -> str:
    """Return what our address for a service's reports ends with."""
    secret = await token_secret(store)
    return hmac.new(secret, f"reports of {service}".encode(), hashlib.sha256).hexdigest()[:SECRET_LENGTH]
