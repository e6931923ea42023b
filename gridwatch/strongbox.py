"""What is kept encrypted in the database: secrets of services and addresses of people.

The key is a file in the data directory, so that a copy of the database alone gives nothing away; whoever
restores a backup on another machine needs the file as well.
"""

import hashlib
import hmac
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from gridwatch.errors import SettingsError

KEY_FILE = "channels.key"


class Strongbox:
    """Locks and unlocks with the key of this installation (Fernet: AES-128-CBC with HMAC-SHA256).

    The key is made when something is locked for the first time. Every method raises SettingsError where it
    can't be read or written.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / KEY_FILE

    def lock(self, text: str) -> bytes:
        """Return a text encrypted."""
        return Fernet(self._key(make=True)).encrypt(text.encode())

    def unlock(self, locked: bytes) -> str:
        """Return what was locked; raise SettingsError where it was with another key."""
        try:
            return Fernet(self._key()).decrypt(locked).decode()
        except InvalidToken as error:
            why = f"secrets of channels were locked with another {KEY_FILE}"
            todo = "put that one back into the data directory, or give them anew with gridwatch channels"
            raise SettingsError(f"{why}: {todo}") from error

    def mark(self, text: str) -> bytes:
        """Return what an address is found by without being unlocked: a keyed hash."""
        key = hmac.new(self._key(make=True), b"addresses", hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    def _key(self, *, make: bool = False) -> bytes:
        try:
            if make:
                _make(self._path)
            return self._path.read_bytes()
        except OSError as error:
            todo = "it belongs to the channels, as it was when their secrets were given"
            raise SettingsError(f"{self._path} can't be used ({error.strerror}): {todo}") from error


def _make(path: Path) -> None:
    """Write a new key where there is none; of two processes at once the first one's stays."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    try:
        draft.write_bytes(Fernet.generate_key())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
