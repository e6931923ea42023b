"""Whose session the broker keeps while they are away: read from its log, and from what it saved.

Mosquitto up to 2.0.22 has a fault: at a SIGHUP it ends every session once more that is away and whose
password or certificate it can't check then. One that will expire (MQTT 5) stands twice in its list of them
from then on; when its client comes back or its time is over, the second entry stays and points at freed
memory, and the broker crashes of it, soon or late. So such sessions are ended before a SIGHUP, and where one
was overlooked the broker has to be started anew. It has the passwords only of who connected since its start.
"""

import mmap
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MENDED = (2, 0, 23)
"""The first version without the fault (Mosquitto's repository, 25 August 2025)."""

V5 = "5"

VERSION = re.compile(r"mosquitto version (\d+)\.(\d+)\.(\d+)")
CAME = re.compile(r"New client connected from .+ as (?P<id>[^ ]+) \(p(?P<protocol>\d+),")
WENT = re.compile(
    r"Client (?P<id>[^ ]+) (?:\[[^ ]+\] )?"
    r"(?:disconnected|closed its connection|has exceeded timeout|been disconnected)"
    r"|Bad socket read/write on client (?P<bad>[^ ]+):"
)
EXPIRED = re.compile(r"Expiring client (?P<id>[^ ]+) due to timeout")
READS_AGAIN = "Reloading config."

SAVED = "mosquitto.db"
MAGIC = b"\x00\xb5\x00mosquitto db"
FIRST_CHUNK, CHUNK, CLIENT = len(MAGIC) + 8, struct.Struct(">II"), struct.Struct(">8xIHHHH4x")
"""As Mosquitto writes it since version 2.0: after the magic word a checksum and the version of the format."""
FORMAT, CLIENT_CHUNK = 6, 6
NEVER = 0xFFFF_FFFF


def has_the_fault(version: str) -> bool:
    """Say whether a broker that calls itself so ends sessions twice; of another kind nothing is known."""
    found = VERSION.search(version)
    return found is not None and tuple(int(number) for number in found.groups()) < MENDED


def came(line: str) -> str | None:
    """Return who connected, if the log says that."""
    found = CAME.search(line)
    return found["id"] if found else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """Whose session it is, and for how long the broker keeps it after its connection."""

    username: str
    expires_after_s: int


def saved_sessions(path: Path) -> Mapping[str, Saved]:
    """Return by client id the sessions in a broker's file that will expire; none if it can't be read."""
    if not path.is_file() or path.stat().st_size < FIRST_CHUNK:
        return {}
    found: dict[str, Saved] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as saved:
        if saved[: len(MAGIC)] != MAGIC or saved[FIRST_CHUNK - 4 : FIRST_CHUNK] != struct.pack(">I", FORMAT):
            return {}
        at = FIRST_CHUNK
        while at + CHUNK.size + CLIENT.size <= len(saved):
            kind, length = CHUNK.unpack_from(saved, at)
            at += CHUNK.size
            if kind == CLIENT_CHUNK:
                expires_after_s, _, id_length, _, name_length = CLIENT.unpack_from(saved, at)
                middle = at + CLIENT.size + id_length
                if expires_after_s not in (0, NEVER):
                    username = saved[middle : middle + name_length].decode(errors="replace")
                    session = Saved(username=username, expires_after_s=expires_after_s)
                    found[saved[middle - id_length : middle].decode(errors="replace")] = session
            at += length
    return found


@dataclass(slots=True)
class Sessions:
    """Who is connected and who is away, by client id, as far as the log has told."""

    saved: dict[str, Saved] = field(default_factory=dict)
    """Sessions that the broker had saved, of clients that were not heard of since."""
    away: set[str] = field(default_factory=set)
    """Clients that went, whose session may wait for them and expire: MQTT 5."""
    _here: dict[str, str] = field(default_factory=dict)
    _left_nothing: set[str] = field(default_factory=set)
    _reads_again: bool = False

    def hear(self, line: str) -> str | None:
        """Take a line of the log; return whose session was ended although it was away, if it says that."""
        if READS_AGAIN in line:
            self._reads_again = True
            return None
        if (went := WENT.search(line)) is not None:
            return self._went(went["id"] or went["bad"])
        self._reads_again = False
        if (came := CAME.search(line)) is not None:
            self.forget(came["id"])
            self._left_nothing.discard(came["id"])
            self._here[came["id"]] = came["protocol"]
        elif (expired := EXPIRED.search(line)) is not None:
            self.forget(expired["id"])
        return None

    def is_heard(self, client_id: str) -> bool:
        """Say whether it is known of a client that it is there, or that it went and left nothing."""
        return client_id in self._here or client_id in self._left_nothing

    def forget(self, client_id: str) -> None:
        """Take it that no session waits under this name."""
        self.away.discard(client_id)
        self.saved.pop(client_id, None)
        self._left_nothing.add(client_id)

    def _went(self, client_id: str) -> str | None:
        protocol = self._here.pop(client_id, None)
        was_away = client_id in self.away or (self._reads_again and client_id in self.saved)
        if protocol == V5:
            self.away.add(client_id)
            self._left_nothing.discard(client_id)
        elif protocol is not None:
            self._left_nothing.add(client_id)
        return client_id if protocol is None and was_away else None
