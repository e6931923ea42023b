"""The MQTT broker that `up` brings along: Mosquitto with our configuration, else amqtt."""

import os
import shutil
import signal
import sys
from importlib.resources import files
from pathlib import Path

PLACES_BESIDE_PATH = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
)
"""Where Debian and Homebrew put Mosquitto; an ordinary user's PATH often lacks them."""

SAVE_NOW = signal.SIGUSR1
"""Has Mosquitto write down what it holds; amqtt would die of it."""


def find_mosquitto() -> Path | None:
    """Return the program, if it is installed."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES_BESIDE_PATH])
    found = shutil.which("mosquitto", path=path)
    return Path(found) if found else None


def write_mosquitto_configuration(folder: Path, *, port: int) -> Path:
    """Write the configuration for a broker on loopback `port` that keeps its state in `folder` (0700)."""
    folder.mkdir(mode=0o700, exist_ok=True)
    shared = (files("deploy") / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")
    local = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        f"persistence_location {folder}",
        "log_dest stdout",
    ]
    if os.geteuid() == 0:
        # Mosquitto would become the user mosquitto, who can't open a folder that is ours alone.
        local.append("user root")
    path = folder / "mosquitto.conf"
    path.write_text("\n".join([*local, shared]), encoding="utf-8")
    return path


def mosquitto_command(program: Path, configuration: Path) -> list[str]:
    """Return Mosquitto's command line."""
    return [str(program), "-c", str(configuration)]


def write_amqtt_configuration(folder: Path, *, port: int) -> Path:
    """Write the configuration of the stand-in broker on loopback `port`."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "amqtt.yaml"
    path.write_text(
        "listeners:\n"
        "  default:\n"
        "    type: tcp\n"
        f"    bind: 127.0.0.1:{port}\n"
        "plugins:\n"
        "  amqtt.plugins.authentication.AnonymousAuthPlugin:\n"
        "    allow_anonymous: true\n",
        encoding="utf-8",
    )
    return path


def amqtt_command(configuration: Path) -> list[str]:
    """Return the stand-in's command line."""
    return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(configuration)]
