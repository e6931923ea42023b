"""What really happened in a simulation, as JSON lines beside it.

One line each: `{"type": "simulation", …}` first; `{"type": "event", …}` for each thing that happens, written
when its first message goes out; at the end `{"type": "messages", "device", …}` for each device with those
that the broker acknowledged, and `{"type": "end", …}`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec

from gridwatch.errors import SettingsError
from simulators.rendered import Truth


@dataclass(frozen=True, slots=True)
class TruthFile:
    """An open file of truth."""

    path: Path
    _file: TextIO

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["TruthFile"]:
        """Begin a new file in the place of an older one; raises SettingsError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"the truth can't be written to {path}: {error.strerror}") from error
        with file:
            yield cls(path, file)

    def begin(self, **facts: Any) -> None:
        """Say what is simulated."""
        self._write({"type": "simulation", **facts})

    def event(self, device: str, truth: Truth, topics: Sequence[str]) -> None:
        """Say what happens; `topics` are the messages that show it, for frames one for each box."""
        self._write({"type": "event", "device": device, **asdict(truth), "topics": topics})

    def end(self, counts: Mapping[str, Mapping[str, int]], stopped_at: datetime) -> None:
        """Say how many messages of each kind were published, by device and in all."""
        for device, kinds in counts.items():
            self._write({"type": "messages", "device": device, "published": sum(kinds.values()), **kinds})
        total = sum(sum(kinds.values()) for kinds in counts.values())
        self._write({"type": "end", "stopped_at": stopped_at, "published": total})

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(msgspec.json.encode(line).decode() + "\n")
        self._file.flush()
