"""On what a measurement ran: the machine, the versions, the commit."""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

import psutil

from gridwatch.cli.up.broker import find_mosquitto
from gridwatch.cli.up.postgres import VERSION as POSTGRES_VERSION

CHECKOUT = Path(__file__).resolve().parents[1]
ANSWER_WITHIN_S = 10.0
LIBRARIES = ("paho-mqtt", "psycopg", "msgspec", "fastapi", "uvicorn", "opencv-python-headless", "av", "numpy")


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What figures depend on."""

    measured_at: str
    commit: str
    changed_files: int
    """Tracked files of the line that differ from the commit."""
    cpu: str
    cores: int
    memory_gib: float
    system: str
    load_1min: float
    """Processes that wanted a core in the minute before the first measurement."""
    versions: dict[str, str]

    @classmethod
    def this(cls) -> Self:
        """Look at this machine now."""
        changed = _said("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench")
        return cls(
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            commit=_said("git", "rev-parse", "--short=12", "HEAD"),
            changed_files=len(changed.splitlines()),
            cpu=_cpu_model(),
            cores=os.cpu_count() or 0,
            memory_gib=round(psutil.virtual_memory().total / 1024**3, 1),
            system=f"{platform.system()} {platform.release()}",
            load_1min=round(os.getloadavg()[0], 2),
            versions={
                "python": platform.python_version(),
                "postgresql": str(POSTGRES_VERSION),
                "mosquitto": _mosquitto_version(),
                **{name: version(name) for name in LIBRARIES},
            },
        )


def _cpu_model() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()


def _mosquitto_version() -> str:
    program = find_mosquitto()
    if program is None:
        return "not installed"
    found = re.search(r"version (\S+)", _said(str(program), "-h"))
    return found.group(1) if found else "unknown"


def _said(*command: str) -> str:
    """Return what a command prints, nothing where there is no such command."""
    try:
        done = subprocess.run(
            command, cwd=CHECKOUT, capture_output=True, text=True, timeout=ANSWER_WITHIN_S, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip()
