"""Settings: read once from environment variables `GRIDWATCH_*` or a TOML file, then handed in.

The TOML file is the one that `GRIDWATCH_CONFIG` names, else `gridwatch.toml` in the working folder; an
environment variable wins over the file.
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import TomlConfigSettingsSource as TomlSource

from gridwatch.errors import SettingsError
from gridwatch.model import Severity, check_label

CONFIG_VARIABLE = "GRIDWATCH_CONFIG"
DEFAULT_CONFIG = Path("gridwatch.toml")

KEEP_DAYS: Mapping[str, float] = {"original": 30, "event": 60, "alert": 90, "simulated": 1}
"""Unless told otherwise. Thirty days is the least for recordings of public places in China; what shows more
than the finding is kept no longer, and what raised an alert longest."""

MOST_DAYS = 36_500


def default_data_dir() -> Path:
    """Return where data lives when nobody said otherwise: /var/lib for root, else the user's data home."""
    if os.geteuid() == 0:
        return Path("/var/lib/gridwatch")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "gridwatch"


def config_file() -> Path:
    """Return where the TOML file is, or would be."""
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def _pairs(value: Any) -> Any:
    """Turn `a=b,c=d` into a mapping; leave a TOML table as it is."""
    if not isinstance(value, str):
        return value
    pairs: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in value.split(","))):
        name, equals, meaning = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r}: write name=value, pairs separated by commas")
        pairs[name.strip()] = meaning.strip()
    return pairs


def _words(value: Any) -> Any:
    """Turn text separated by blanks into a tuple; leave a TOML list as it is."""
    return tuple(value.split()) if isinstance(value, str) else value


class Settings(BaseSettings):
    """Everything that an installation may choose."""

    model_config = SettingsConfigDict(
        env_prefix="GRIDWATCH_", env_ignore_empty=True, extra="ignore", frozen=True, validate_default=True
    )

    database_url: str | None = Field(None, description="PostgreSQL; unset: the one that `up` starts")
    mqtt_url: str | None = Field(
        None, description="mqtt://user:pass@host:port or mqtts://; unset: the one that `up` starts"
    )
    http_host: str = Field("127.0.0.1", description="address that the API and the console listen on")
    http_port: int = Field(8080, ge=1, le=65535, description="port of the API and the console")
    mqtt_port: int = Field(1883, ge=1, le=65535, description="port of the broker that `up` starts")
    mqtt_host: str = Field(
        "127.0.0.1",
        description="address where the broker that `up` starts meets devices; "
        "any but loopback: TLS, and nobody without a credential",
    )
    mqtts_port: int = Field(8883, ge=1, le=65535, description="its port for devices with passwords, TLS")
    mqtt_certificate_port: int = Field(
        8884, ge=1, le=65535, description="its port for devices with certificates, TLS"
    )
    device_most_per_s: float = Field(
        100,
        gt=0,
        description="messages a second that a device may send for long; beyond, it is put out for a minute",
    )
    data_dir: Path = Field(default_factory=default_data_dir, description="evidence, embedded servers, logs")
    public_url: str | None = Field(
        None, description="address that links and phones use: https://watch.example.org"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        (),
        description="addresses or networks, separated by blanks, of proxies before the API: who asks, and "
        "whether by TLS, is believed of them alone",
    )
    plain_http: bool = Field(
        False, description="1: be reached from other machines without TLS; otherwise that is refused"
    )
    admin_password: SecretStr | None = Field(
        None, description="password of the first administrator, user admin"
    )
    migrate: bool = Field(True, description="apply pending migrations at start; 0 turns it off")
    formats: Path | None = Field(
        None, description="TOML file of the foreign formats that are taken, see docs/mqtt.md; unset: none"
    )
    installation: str = Field(
        "gridwatch", description="name of this installation; part of its MQTT client ids"
    )
    detector_workers: int = Field(2, ge=1, le=64, description="processes that look at pictures and clips")
    fire_onnx: Path | None = Field(
        None, description="ONNX detector of flame and smoke for cameras: the same families as for lifts"
    )
    fire_classes: Annotated[Mapping[str, str], NoDecode, BeforeValidator(_pairs)] = Field(
        default_factory=dict, description="its classes and our labels: fire=flame,smoke=smoke"
    )
    elevator_onnx: Path | None = Field(
        None, description="ONNX detector for lift cameras: YOLOX, YOLOv5, YOLOv8, YOLO11, NanoDet-Plus"
    )
    elevator_classes: Annotated[Mapping[str, str], NoDecode, BeforeValidator(_pairs)] = Field(
        default_factory=dict, description="its classes and our labels: motorcycle=ebike,bicycle=bicycle"
    )
    originals: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        ("fire", "elevator"),
        description="scenes of which evidence is kept as the camera saw it too; each look at it is logged",
    )
    alarms: Annotated[Mapping[str, Severity], NoDecode, BeforeValidator(_pairs)] = Field(
        default_factory=lambda: {"suspected_ebike": Severity.MINOR},
        description="further labels that raise alerts: wheelchair=minor,lens_covered=major",
    )
    fire_danger: Path | None = Field(
        None, description="TOML file of the tables of fire danger, see docs/fire-weather.md; unset: its own"
    )
    future_s: float = Field(60, gt=0, description="seconds ahead of our clock that flag a reading")
    old_days: float = Field(7, gt=0, description="age in days that flags a reading")
    keep_evidence: Annotated[Mapping[str, float], NoDecode, BeforeValidator(_pairs)] = Field(
        default_factory=dict,
        description="days that evidence is kept: original=30,event=60,alert=90,simulated=1",
    )
    evidence_quota_gb: float = Field(50, gt=0, description="GB of evidence; beyond, the oldest goes")
    quarantine_days: float = Field(90, gt=0, description="days that a message stays in quarantine")
    quarantine_gb: float = Field(1, gt=0, description="GB of quarantine; beyond, who sent most loses first")
    keep_readings_days: int = Field(
        365, ge=1, le=36_500, description="days that readings, lift states and command results are kept"
    )
    keep_aggregates_days: int = Field(
        1826, ge=1, le=36_500, description="days that hourly sums and resolved alerts' history are kept"
    )
    escalation: Path | None = Field(
        None, description="TOML file of the times of escalation, see docs/alerts.md; unset: its own"
    )
    notify_urls: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        (), description="Apprise URLs, separated by blanks, that every real alert is sent to"
    )

    tester_urls: Annotated[Mapping[str, str], NoDecode, BeforeValidator(_pairs)] = Field(
        default_factory=dict,
        description="Apprise URLs of testers, who are told of their own drills: li=URL,wang=URL",
    )

    map_tiles: str | None = Field(
        None, description="map tiles, https://…/{z}/{x}/{y}.png (WGS-84); unset: none, nothing from outside"
    )
    map_attribution: str | None = Field(None, description="what the map says of who made its tiles")

    watch_urls: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        (), description="Apprise URLs of the administrator, who is told when the installation itself fails"
    )
    heartbeat_url: SecretStr | None = Field(
        None, description="asked every half minute while all works: somebody outside notices silence"
    )

    backup_dir: Path | None = Field(
        None, description="folder for backups on a timer, best on another disk; unset: none are made"
    )
    backup_every_hours: int = Field(24, ge=1, le=8760, description="hours from one backup to the next")
    backup_keep: int = Field(7, ge=1, description="so many of the newest backups stay")
    backup_passphrase: SecretStr | None = Field(
        None, description="encrypts backups; keep it elsewhere too, they can't be read without it"
    )

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and not (parts.scheme in ("http", "https") and parts.hostname):
            raise ValueError(f"{value!r} is no address of a web server: write https://watch.example.org")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                ipaddress.ip_network(one)
            except ValueError as error:
                raise ValueError(f"{one!r} is no address or network, as 10.0.0.7 or 10.0.0.0/24") from error
        return value

    @field_validator("alarms")
    @classmethod
    def _labels(cls, value: Mapping[str, Severity]) -> Mapping[str, Severity]:
        return {check_label(label): severity for label, severity in value.items()}

    @field_validator("keep_evidence")
    @classmethod
    def _days(cls, value: Mapping[str, float]) -> Mapping[str, float]:
        if unknown := value.keys() - KEEP_DAYS.keys():
            raise ValueError(f"{', '.join(sorted(unknown))}: use {', '.join(KEEP_DAYS)}")
        if wrong := [name for name, days in value.items() if not 0 < days <= MOST_DAYS]:
            raise ValueError(f"{', '.join(wrong)}: give a number of days above 0, at most {MOST_DAYS}")
        return {**KEEP_DAYS, **value}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let what is handed in win over the environment, and that over the file."""
        return init_settings, env_settings, TomlSource(settings_cls, toml_file=config_file())

    @property
    def meets_devices(self) -> bool:
        """Say whether the broker that `up` starts can be reached from other machines."""
        return not _is_loopback(self.mqtt_host)

    @property
    def link_base(self) -> str:
        """Return the address that links begin with, without a slash at its end."""
        return (self.public_url or f"http://{self.http_host}:{self.http_port}").rstrip("/")


def check_plain_http(settings: Settings) -> None:
    """Raise SettingsError where passwords and pictures would cross a network unencrypted and nobody said so.

    The API speaks no TLS itself: a proxy before it does.
    """
    if settings.plain_http:
        return
    public = urlsplit(settings.public_url or "")
    if not _is_loopback(settings.http_host):
        wrong = f"GRIDWATCH_HTTP_HOST={settings.http_host} would be reached from other machines without TLS"
    elif public.scheme == "http" and not _is_loopback(public.hostname or ""):
        wrong = f"GRIDWATCH_PUBLIC_URL={settings.public_url} would send people there without TLS"
    else:
        return
    raise SettingsError(
        f"{wrong}: stay on 127.0.0.1 and put a proxy with TLS before it (deploy/nginx/gridwatch.conf), "
        "or set GRIDWATCH_PLAIN_HTTP=1 where the network itself is safe"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_settings(**given: Any) -> Settings:
    """Read the settings; what is given wins. Raise SettingsError that names every wrong one."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    if chosen and not Path(chosen).is_file():
        raise SettingsError(f"{CONFIG_VARIABLE}={chosen}: there is no such file")
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = [f"GRIDWATCH_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsError("; ".join(wrong)) from error
    except ValueError as error:
        raise SettingsError(f"the settings file can't be read: {error}") from error
