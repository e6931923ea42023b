"""Which cameras are judged and where their pictures come from: of a command line or a file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from detectors import CAMERA_DETECTORS
from gridwatch.errors import SettingsError
from gridwatch.facade import FacadeView
from gridwatch.model import DEVICE_ID, check_device_id
from ingest.bridges.files import check_gateway, read_file, read_secret

SECRET_IN_URL = re.compile(r"(?:pass|passwd|password|pwd)=(?!\{password\})[^&/]", re.IGNORECASE)
"""Some cameras want the password in the address itself; there it stands as {password}."""

LOGIN_ELSEWHERE = (
    "leave user and password out: whoever lists processes or reads a log would see them. Write user:password "
    "into a file that only you may read, and name it with --login-file (login_file), or name an environment "
    "variable that holds it with --login-env (login_env). Where an address needs them within itself, write "
    "{user} and {password} there"
)


class Kind(StrEnum):
    """What a source is."""

    NETWORK = "network camera"
    DEVICE = "video device"
    FILE = "file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where pictures come from; `place` has no secret in it."""

    kind: Kind
    place: str
    login: str | None = field(default=None, repr=False)
    """`user:password`."""

    @property
    def address(self) -> str:
        """Return what is opened, with the secret in it: for no log and no error."""
        if self.login is None:
            return self.place
        user, _, password = self.login.partition(":")
        user, password = quote(user, safe=""), quote(password, safe="")
        if "{password}" in self.place:
            return self.place.replace("{user}", user).replace("{password}", password)
        parts = urlsplit(self.place)
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeCamera:
    """A camera that is judged beside it.

    A file begins at `start`, and at its own pace where `realtime`. `originals`: pictures and clips go out as
    the camera saw them too, beside those that show only the finding.
    """

    device: str
    scene: str
    source: Source
    view: FacadeView | None = None
    originals: bool = False
    start: datetime | None = None
    realtime: bool = False


class CameraEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A `[[camera]]` of the file, or what the command line says of the only one."""

    scene: str
    source: str
    device: str | None = None
    view: str | None = None
    login_file: str | None = None
    login_env: str | None = None
    originals: bool = False


class EdgeFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The file of several cameras."""

    camera: list[CameraEntry]
    gateway: str | None = None


def read_cameras(path: Path) -> tuple[Sequence[EdgeCamera], str]:
    """Return a file's cameras and the device that says whether they are judged; raise SettingsError."""
    file = read_file(path, EdgeFile)
    check_gateway(str(path), file.gateway)
    if not file.camera:
        raise SettingsError(f"{path}: there is no [[camera]]")
    cameras = [
        camera_of(entry, where=f"{path}: camera {number}") for number, entry in enumerate(file.camera, 1)
    ]
    for camera in cameras:
        if camera.source.kind is Kind.FILE:
            raise SettingsError(f"{path}: {camera.device}: a file of video is judged alone, with --source")
    devices = [camera.device for camera in cameras]
    if twice := sorted({device for device in devices if devices.count(device) > 1}):
        raise SettingsError(f"{path}: {', '.join(twice)}: named by more than one camera")
    if len(cameras) > 1 and file.gateway is None:
        raise SettingsError(
            f"{path}: several cameras need `gateway`, the id that this computer is registered with "
            "(--kind gateway): the broker says by it when it is gone"
        )
    return cameras, file.gateway or cameras[0].device


def camera_of(entry: CameraEntry, *, where: str = "") -> EdgeCamera:
    """Return the camera that an entry describes; raise SettingsError that says what is wrong."""
    said = f"{where}: " if where else ""
    if entry.scene not in CAMERA_DETECTORS:
        raise SettingsError(f"{said}scene {entry.scene}: use {', '.join(CAMERA_DETECTORS)}")
    login = read_secret(f"{said}login", entry.login_env, entry.login_file)
    source = _source(said, entry.source, login)
    device = entry.device if entry.device is not None else _device_of(entry.scene, source)
    try:
        check_device_id(device)
    except ValueError as error:
        raise SettingsError(f"{said}{error}") from error
    return EdgeCamera(
        device=device,
        scene=entry.scene,
        source=source,
        view=None if entry.view is None else read_view(said, Path(entry.view)),
        originals=entry.originals,
    )


def read_view(said: str, path: Path) -> FacadeView:
    """Read what `gridwatch calibrate` exports; raise SettingsError."""
    try:
        return FacadeView.from_json(msgspec.json.decode(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{said}view {path}: {error}") from error


def _source(said: str, text: str, login: str | None) -> Source:
    if "://" in text:
        return _network_source(said, text, login)
    if login is not None:
        raise SettingsError(f"{said}source: user and password are for rtsp://… only")
    path = Path(text)
    if path.is_char_device():
        return Source(kind=Kind.DEVICE, place=text)
    if not path.is_file():
        raise SettingsError(f"{said}source {text}: there is no such file or video device")
    return Source(kind=Kind.FILE, place=text)


def _network_source(said: str, text: str, login: str | None) -> Source:
    """Nothing of the text is in an error: a mistyped address may hold a password too."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("rtsp", "rtsps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if "@" in text or SECRET_IN_URL.search(text):
        raise SettingsError(f"{said}source: {LOGIN_ELSEWHERE}")
    if not known:
        raise SettingsError(f"{said}source: write rtsp://host/…, a file or /dev/video0")
    if "{password}" in text and login is None:
        raise SettingsError(f"{said}source: name the user and password with --login-file or --login-env")
    if login is not None and not login.partition(":")[2]:
        raise SettingsError(f"{said}login: it is user:password")
    return Source(kind=Kind.NETWORK, place=text, login=login)


def _device_of(scene: str, source: Source) -> str:
    """Return a device id for a source that nobody named."""
    name = urlsplit(source.place).hostname if source.kind is Kind.NETWORK else Path(source.place).stem
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{scene}-{name}")[:64]
    return plain if DEVICE_ID.fullmatch(plain) else scene
