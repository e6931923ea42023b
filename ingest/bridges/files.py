"""A bridge's file of settings: what may stand in it, its secrets, and the cameras that it names."""

import hmac
import os
import ssl
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from gridwatch.errors import SettingsError
from gridwatch.model import check_device_id
from ingest.bridges.judgement import read_labels

LEAST_KEY_CHARACTERS = 16

Read = TypeVar("Read")


class CameraEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A `[[camera]]` of a bridge's file."""

    device: str | None = None
    devices: dict[str, str] = {}
    url: str | None = None
    username: str = ""
    password_env: str | None = None
    password_file: str | None = None
    push_key_env: str | None = None
    push_key_file: str | None = None
    certificate: str | None = None
    snapshot: bool = True
    labels: dict[str, str] = {}


class CamerasFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The file of a bridge for cameras."""

    camera: list[CameraEntry]
    gateway: str | None = None
    labels: dict[str, str] = {}
    listen: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera or recorder: its address, who asks, and which device of ours each of its channels is."""

    device_of: Callable[[str], str | None]
    devices: tuple[str, ...]
    labels: Mapping[str, str]
    snapshot: bool
    url: str | None = None
    username: str = ""
    password: str = ""
    push_key: str | None = None
    tls: ssl.SSLContext | bool = True

    @property
    def name(self) -> str:
        """Return what a log calls it."""
        return ", ".join(self.devices)


def read_file(path: Path, form: type[Read]) -> Read:
    """Read a bridge's TOML file; raise SettingsError that says where it is wrong."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), form)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: {error}") from error


def read_secret(where: str, variable: str | None, file: str | None) -> str | None:
    """Return a secret from the environment or a file, None where neither is named; raise SettingsError.

    A secret never stands in the settings themselves, nor on a command line, where others could read it.
    """
    if variable and file:
        raise SettingsError(f"{where}: name either a variable or a file, not both")
    if variable:
        if not (secret := os.environ.get(variable)):
            raise SettingsError(f"{where}: the environment variable {variable} is not set")
        return secret
    if file:
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{where}: {error}") from error
        if not secret:
            raise SettingsError(f"{where}: {file} is empty")
        return secret
    return None


def check_key(where: str, key: str | None) -> str | None:
    """Return a key that pushes are made with; raise SettingsError for one that could be guessed."""
    if key is not None and (len(key) < LEAST_KEY_CHARACTERS or not key.isascii() or not key.isprintable()):
        raise SettingsError(f"{where}: a key has at least {LEAST_KEY_CHARACTERS} printable characters")
    return key


def check_gateway(where: str, gateway: str | None) -> None:
    """Raise SettingsError where the id that a bridge is registered with can't be one."""
    try:
        if gateway is not None:
            check_device_id(gateway)
    except ValueError as error:
        raise SettingsError(f"{where}: gateway: {error}") from error


def with_key(cameras: Sequence[Camera], key: str) -> Camera | None:
    """Return the camera whose key it is, in a time that tells nothing about the others."""
    given = key.encode("utf-8", "replace")
    found = None
    for camera in cameras:
        if camera.push_key is not None and hmac.compare_digest(camera.push_key.encode(), given):
            found = camera
    return found


def read_cameras(vendor: str, path: Path, file: CamerasFile) -> list[Camera]:
    """Return the cameras of a bridge's file; raise SettingsError that names the first wrong one."""
    if not file.camera:
        raise SettingsError(f"{path}: there is no [[camera]]")
    cameras = [
        _camera(vendor, f"{path}: camera {number}", entry, file.labels)
        for number, entry in enumerate(file.camera, 1)
    ]
    devices = [device for camera in cameras for device in camera.devices]
    if twice := sorted({device for device in devices if devices.count(device) > 1}):
        raise SettingsError(f"{path}: {', '.join(twice)}: named by more than one camera")
    return cameras


def _camera(vendor: str, where: str, entry: CameraEntry, labels: Mapping[str, str]) -> Camera:
    if (entry.device is None) == (not entry.devices):
        raise SettingsError(f"{where}: give `device`, or for a recorder `devices` by channel")
    devices = (entry.device,) if entry.device is not None else tuple(entry.devices.values())
    try:
        for device in devices:
            check_device_id(device)
        known = read_labels(vendor, {**labels, **entry.labels})
    except (ValueError, SettingsError) as error:
        raise SettingsError(f"{where}: {error}") from error
    push_key = check_key(
        f"{where}: push_key", read_secret(f"{where}: push_key", entry.push_key_env, entry.push_key_file)
    )
    password = read_secret(f"{where}: password", entry.password_env, entry.password_file)
    if entry.url is None and push_key is None:
        raise SettingsError(
            f"{where}: give `url` to ask the camera, or `push_key_env` or _file where it pushes"
        )
    if entry.url is not None:
        _check_url(where, entry.url)
        if password is None or not entry.username:
            raise SettingsError(f"{where}: give `username`, and `password_env` or `password_file`")
    return Camera(
        device_of=entry.devices.get if entry.device is None else lambda channel: entry.device,
        devices=devices,
        labels=known,
        snapshot=entry.snapshot and entry.url is not None,
        url=None if entry.url is None else entry.url.rstrip("/"),
        username=entry.username,
        password=password or "",
        push_key=push_key,
        tls=trusted(where, entry.certificate),
    )


def _check_url(where: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise SettingsError(f"{where}: url: write http://host or https://host:port, without a password")


def trusted(where: str, certificate: str | None) -> ssl.SSLContext | bool:
    """Trust one certificate, whatever name it bears: cameras sign their own."""
    if certificate is None:
        return True
    try:
        context = ssl.create_default_context(cafile=certificate)
    except OSError as error:
        raise SettingsError(f"{where}: certificate: {error}") from error
    context.check_hostname = False
    return context
