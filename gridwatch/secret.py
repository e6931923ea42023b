"""Secrets of devices: made here, and kept only as a hash that Mosquitto reads too.

The form is that of its password file, `$7$iterations$salt$hash` in base64: PBKDF2 with SHA-512 (RFC 8018).
"""

import base64
import binascii
import hashlib
import hmac
import secrets

SECRET_BYTES = 24
"""192 bits, 32 characters of A-Z a-z 0-9 - _."""

LEAST_GIVEN, MOST_GIVEN = 16, 200
"""Characters of a secret that a device brings along."""

MARK = "7"
SALT_BYTES = 12
"""As many as mosquitto_passwd takes; Mosquitto 2.0.11 reads no other number."""
HASH_BYTES = 64
ITERATIONS = 101
"""As mosquitto_passwd. A secret of 192 random bits needs no stretching, and the broker repeats the work for
every connected device whenever it reads its files again: 0.06 s for a thousand of them."""
MOST_ITERATIONS = 100_000


def new_secret() -> str:
    """Return a secret that nobody can guess."""
    return secrets.token_urlsafe(SECRET_BYTES)


def check_given(secret: str) -> str:
    """Return a secret that a device brings along, or raise ValueError that says why it can't be one."""
    if not LEAST_GIVEN <= len(secret) <= MOST_GIVEN or not secret.isascii() or not secret.isprintable():
        raise ValueError(f"a secret has {LEAST_GIVEN} to {MOST_GIVEN} printable ASCII characters")
    return secret


def hash_secret(secret: str) -> str:
    """Return the hash to keep."""
    salt = secrets.token_bytes(SALT_BYTES)
    parts = base64.b64encode(salt).decode(), base64.b64encode(_stretch(secret, salt, ITERATIONS)).decode()
    return f"${MARK}${ITERATIONS}${parts[0]}${parts[1]}"


def is_secret_of(hashed: str, secret: str) -> bool:
    """Say whether `secret` is the one that was hashed, in a time that tells nothing of it."""
    try:
        _, mark, iterations, salt, expected = hashed.split("$")
        rounds = int(iterations)
        if mark != MARK or not 1 <= rounds <= MOST_ITERATIONS:
            return False
        found = _stretch(secret, base64.b64decode(salt, validate=True), rounds)
        return hmac.compare_digest(found, base64.b64decode(expected, validate=True))
    except (ValueError, binascii.Error):
        return False


def _stretch(secret: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, iterations, HASH_BYTES)
