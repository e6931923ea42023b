"""Links by which one person answers one call without signing in: signed, and good for a day.

A token is `call-expiry-signature`: hours since 1970 in base 36, so that a text message has room for it.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

GOOD_FOR = timedelta(hours=24)
SIGNATURE_BYTES = 15
"""120 bits: 20 characters."""
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PATH = "/a/"


class AnswerLinks:
    """Makes and reads the tokens of one installation."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.new(secret, b"answers to calls", hashlib.sha256).digest()

    def token(self, call_key: int, *, asked_at: datetime) -> str:
        """Return the token of a call; the same however often it is asked for."""
        hours = int((asked_at + GOOD_FOR).timestamp() // 3600) + 1
        said = f"{_base36(call_key)}-{_base36(hours)}"
        return f"{said}-{self._signature(said)}"

    def read(self, token: str, *, now: datetime) -> int | None:
        """Return the call that a token is about; None where it is not ours or too old."""
        parts = token.split("-", 2)
        if len(parts) != 3 or not all(parts):
            return None
        said = "-".join(parts[:2])
        if not hmac.compare_digest(self._signature(said).encode(), parts[2].encode()):
            return None
        call_key, hours = (int(part, 36) for part in parts[:2])
        return call_key if now.timestamp() < hours * 3600 else None

    def _signature(self, said: str) -> str:
        mac = hmac.new(self._key, said.encode(), hashlib.sha256).digest()[:SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(mac).decode()


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"
