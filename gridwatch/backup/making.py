"""Make a backup: the database at one moment, and all that belongs to it."""

import gzip
import json
import logging
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

from gridwatch.backup.archive import ArchiveWriter, new_archive
from gridwatch.evidence import EvidenceFiles
from gridwatch.settings import Settings, config_file
from gridwatch.store.dump import Contents, Snapshot, open_snapshot

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
DATABASE, EVIDENCE, FOLDERS, SETTINGS = "database", "evidence", "folders", "settings"
"""Where the parts lie, below these names."""

KEPT_FOLDERS = ("broker", "ca")
"""Of the data directory: the broker's passwords and access lists, the certificate authority."""

QUEUES = ("mosquitto.db", "mosquitto.db.new", "mosquitto.pid")
"""Not kept: messages that wait in the broker come again from there, and would be out of date elsewhere."""

PLACES = ("database_url", "mqtt_url", "data_dir")
"""Settings that belong to the place: in the kept settings they are comments."""

GZIP_LEVEL = 1
"""Readings shrink to a third with it; more costs more time than it saves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    gridwatch: str
    made_at: datetime
    installation: str
    contents: Contents


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What went into a backup. `missing`: files of evidence that the database names and nobody has."""

    tables: int
    evidence: int
    missing: int
    size: int


def make_backup(settings: Settings, url: str, path: Path) -> Made:
    """Write a backup of the database at `url` and of the data directory to `path` (0600).

    With a passphrase in the settings it is encrypted. Everything may go on running. Raises BackupError,
    StoreUnavailable or StoreError; then there is no file.
    """
    passphrase = settings.backup_passphrase
    secret = passphrase.get_secret_value() if passphrase else None
    with open_snapshot(url) as snapshot, new_archive(path, secret) as archive:
        manifest = Manifest(
            gridwatch=version("gridwatch"),
            made_at=datetime.now(UTC),
            installation=settings.installation,
            contents=snapshot.contents,
        )
        archive.add(MANIFEST, msgspec.json.encode(manifest))
        _add_database(archive, snapshot)
        for name, content in _settings(settings):
            archive.add(f"{SETTINGS}/{name}", content)
        for file in _kept_files(settings.data_dir):
            archive.add(f"{FOLDERS}/{file.relative_to(settings.data_dir)}", file.read_bytes())
        found, missing = _add_evidence(archive, snapshot, settings.data_dir)
    return Made(
        tables=len(manifest.contents.tables), evidence=found, missing=missing, size=path.stat().st_size
    )


def _add_database(archive: ArchiveWriter, snapshot: Snapshot) -> None:
    for table in snapshot.contents.tables:
        for number, piece in enumerate(snapshot.read(table)):
            packed = gzip.compress(piece, GZIP_LEVEL, mtime=0)
            archive.add(f"{DATABASE}/{table.name}/{number:06}.copy.gz", packed)


def _add_evidence(archive: ArchiveWriter, snapshot: Snapshot, data_dir: Path) -> tuple[int, int]:
    """Add the files that the database names; they never change. Return how many, and how many lack."""
    files = EvidenceFiles(data_dir / "evidence")
    found = missing = 0
    for sha256, media_type in snapshot.evidence():
        file = files.path_of(sha256, media_type)
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            missing += 1
            continue
        archive.add(f"{EVIDENCE}/{file.name}", content)
        found += 1
    return found, missing


def _kept_files(data_dir: Path) -> Iterator[Path]:
    for folder in KEPT_FOLDERS:
        for file in sorted((data_dir / folder).rglob("*")):
            if file.is_file() and file.name not in QUEUES:
                yield file


def _settings(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Yield the settings in force as a TOML file, the person's own one with its comments, and the formats."""
    yield "gridwatch.toml", as_toml(settings).encode()
    own = config_file()
    if own.is_file():
        yield "gridwatch.toml.original", own.read_bytes()
    if settings.formats is not None and settings.formats.is_file():
        yield "formats.toml", settings.formats.read_bytes()


def as_toml(settings: Settings) -> str:
    """Return all settings that are not unset, secrets too, as the file that GRIDWATCH_CONFIG may name."""
    lines = []
    for name in Settings.model_fields:
        value = _plain(getattr(settings, name))
        if value is not None:
            mark = "# of the place where the backup was made: " if name in PLACES else ""
            lines.append(f"{mark}{name} = {_toml(value)}\n")
    text = "".join(lines)
    tomllib.loads(text)
    return text


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{_toml(str(key))} = {_toml(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    # A JSON string is a TOML one, but for DEL.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
