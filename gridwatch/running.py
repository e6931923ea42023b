"""Where the servers are that `gridwatch up` started: a small file in the data directory.

Commands that a person types beside a running `up` find the embedded database and broker by it.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from gridwatch.errors import SettingsError
from gridwatch.settings import Settings

FILE = "running.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """The addresses of the servers in use."""

    database_url: str
    mqtt_url: str


def write_running(data_dir: Path, running: Running) -> None:
    """Say where the servers are; only the owner may read it."""
    temporary = data_dir / f"{FILE}.new"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(running), file)
    temporary.replace(data_dir / FILE)


def database_url(settings: Settings) -> str:
    """Return the database's address from the settings or from a running `up`; raise SettingsError."""
    return settings.database_url or _running(settings, "GRIDWATCH_DATABASE_URL").database_url


def mqtt_url(settings: Settings) -> str:
    """Return the broker's address from the settings or from a running `up`; raise SettingsError."""
    return settings.mqtt_url or _running(settings, "GRIDWATCH_MQTT_URL").mqtt_url


def _running(settings: Settings, variable: str) -> Running:
    try:
        return Running(**json.loads((settings.data_dir / FILE).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise SettingsError(
            f"no server known: start `gridwatch up` (data in {settings.data_dir}) or set {variable}"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"{settings.data_dir / FILE} can't be read ({error}); set {variable}") from error
