"""deploy/compose.yaml as its tests read it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = DEPLOY / "compose.yaml"

VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[?-])?([^}]*)\}")
"""A variable that Compose puts in: its name, `:?` or `:-`, and the message or the default after it."""


def services() -> Mapping[str, Mapping[str, Any]]:
    """Return the services by name."""
    found: Mapping[str, Mapping[str, Any]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def ours() -> Mapping[str, Mapping[str, Any]]:
    """Return the services that run our image."""
    return {name: service for name, service in services().items() if service["image"] == "gridwatch"}


def variables() -> set[tuple[str, str, str]]:
    """Return the variables that Compose puts in."""
    return set(VARIABLE.findall(COMPOSE.read_text(encoding="utf-8")))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return `text` as Compose fills it: `values` first, then the default."""
    return VARIABLE.sub(lambda found: values.get(found[1]) or (found[3] if found[2] == ":-" else ""), text)
