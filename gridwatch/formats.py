"""What an installation says of foreign formats: which it listens to, and what their fields mean to us.

It stands in a TOML file (`GRIDWATCH_FORMATS`), is checked when it is read, and is data: adding a sensor's
fields takes no code.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from gridwatch.errors import SettingsError
from gridwatch.model import check_label
from gridwatch.units import conversion

CONTACTS = frozenset({"smoke_alarm", "test", "mute", "tamper", "fault"})
"""Quantities that are 0 or 1. A device whose registered channels name one has it in every message."""

NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


MOST_NUMBER_CHARACTERS = 40

STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,4})\]")


class _Section(BaseModel):
    """A table of the file: no other keys than its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _in_short(value: Any) -> Any:
    return {"quantity": value} if isinstance(value, str) else value


class FieldMeaning(_Section):
    """What one foreign field means: a quantity of ours, and how its values become ours.

    Words and switches go through `values`, numbers, also those written as text, through `unit`, or through
    `scale` and `offset`.
    """

    quantity: str
    unit: str | None = None
    scale: float = Field(1.0, allow_inf_nan=False)
    offset: float = Field(0.0, allow_inf_nan=False)
    values: Mapping[str, float] = {}
    absent: float | None = Field(None, allow_inf_nan=False)
    """What it means that a message leaves the field out; None: nothing."""

    @field_validator("quantity")
    @classmethod
    def _named(cls, value: str) -> str:
        return check_label(value)

    @model_validator(mode="after")
    def _one_way(self) -> "FieldMeaning":
        if self.unit is not None:
            if {"scale", "offset"} & self.model_fields_set:
                raise ValueError("give either unit, or scale and offset")
            conversion(self.quantity, self.unit)
        return self

    def read(self, value: object) -> float | None:
        """Return a value in our unit; None where it is none. Raises ValueError for words not in `values`."""
        if isinstance(value, bool | str) and (word := str(value).lower()) in self.values:
            return self.values[word]
        if not self.values:
            value = as_number(value)
        if isinstance(value, int | float):
            if (exact := f"{value:g}") in self.values:
                return self.values[exact]
            scale, offset = (
                (self.scale, self.offset) if self.unit is None else conversion(self.quantity, self.unit)
            )
            return value * scale + offset
        if isinstance(value, str):
            known = ", ".join(self.values) or "none"
            raise ValueError(f"{value[:40]!r} means nothing; values that do: {known}")
        return None

    @field_validator("values", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return (
            {str(word).lower(): number for word, number in value.items()}
            if isinstance(value, dict)
            else value
        )


Meaning = Annotated[FieldMeaning, BeforeValidator(_in_short)]
"""As a file states it: in full, or the quantity alone."""


class Mapped(_Section):
    """What the fields of some devices mean: those whose profile (a pattern with * and ?) it is."""

    profile: str = "*"
    fields: Mapping[str, Meaning]

    @model_validator(mode="after")
    def _each_once(self) -> "Mapped":
        named = [meaning.quantity for meaning in self.fields.values()]
        if twice := sorted({quantity for quantity in named if named.count(quantity) > 1}):
            raise ValueError(f"two fields mean {', '.join(twice)}")
        return self


class ChirpStack(_Section):
    """ChirpStack v4: what the fields of its decoded `object` mean."""

    map: tuple[Mapped, ...] = ()

    def fields(self, profile: str) -> Mapping[str, FieldMeaning]:
        """Return the fields of a device profile: the first table whose pattern fits its name."""
        return next((one.fields for one in self.map if fnmatchcase(profile, one.profile)), {})


class Sparkplug(_Section):
    """Sparkplug B: what the metrics of edge nodes and their devices mean; others are passed over.

    `profile` is a pattern for `GROUP/EDGE NODE` or `GROUP/EDGE NODE/DEVICE`.
    """

    map: tuple[Mapped, ...] = ()

    @field_validator("map")
    @classmethod
    def _nothing_absent(cls, value: tuple[Mapped, ...]) -> tuple[Mapped, ...]:
        for field in (field for one in value for field in one.fields.values()):
            if field.absent is not None:
                raise ValueError(f"{field.quantity}: no `absent`: what Sparkplug leaves out has not changed")
        return value

    def fields(self, name: str) -> Mapping[str, FieldMeaning]:
        """Return the metrics of an edge node or a device: the first table whose pattern fits it."""
        return next((one.fields for one in self.map if fnmatchcase(name, one.profile)), {})


class Frigate(_Section):
    """One Frigate: the prefix of its topics, its HTTP API, and which of its labels are which of ours.

    With `api` events link to their snapshots; with `snapshots` these are fetched and kept as evidence.
    Either is done only for the labels that are mapped. Where its API wants a login `username` has its
    password in a file or an environment variable; `certificate` is the Frigate's own, in PEM.
    """

    prefix: str = Field("frigate", pattern=r"^[^+#/\x00]+(/[^+#/\x00]+)*$")
    api: str | None = Field(None, pattern=r"^https?://[^/?#@]+$")
    snapshots: bool = False
    username: str = ""
    password_env: str | None = None
    password_file: str | None = None
    certificate: str | None = None
    labels: Mapping[str, str] = {}

    @field_validator("labels")
    @classmethod
    def _ours(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        return {theirs: check_label(ours) for theirs, ours in value.items()}

    @model_validator(mode="after")
    def _from_somewhere(self) -> "Frigate":
        if self.snapshots and self.api is None:
            raise ValueError("snapshots needs api, as http://127.0.0.1:5000")
        if bool(self.username) != bool(self.password_env or self.password_file):
            raise ValueError("a login is `username` with `password_env` or `password_file`")
        if self.username and not self.snapshots:
            raise ValueError("a login is for snapshots = true")
        return self

    @property
    def source(self) -> str:
        """Return what the Frigate itself is called; a camera of it is `source:camera`."""
        return self.prefix.replace("/", ".")


class Formats(_Section):
    """The foreign formats that are listened to; None or empty: not."""

    chirpstack: ChirpStack | None = None
    sparkplug: Sparkplug | None = None
    frigate: tuple[Frigate, ...] = ()

    @field_validator("frigate")
    @classmethod
    def _each_its_own(cls, value: tuple[Frigate, ...]) -> tuple[Frigate, ...]:
        names = [one.source for one in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two have the prefix {', '.join(twice)}")
        return value


def read_formats(path: Path | None) -> Formats:
    """Read the file; without one nothing foreign is listened to. Raise SettingsError: file, key, why."""
    if path is None:
        return Formats()
    try:
        return Formats.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"{path}: " + "; ".join(wrong)) from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"GRIDWATCH_FORMATS={path} can't be read: {error}") from error


def quantities(
    body: Mapping[str, object], fields: Mapping[str, FieldMeaning], channels: frozenset[str]
) -> dict[str, float]:
    """Return the quantities in a decoded body, ours by `fields`, the others under their own names.

    `channels`: the quantities that the device is registered with. What a field's `absent` stands for, and a
    contact of the channels, is filled in where the body leaves the field out. Of a list only the places that
    `fields` name are read, as `messages[0].value`. Raises ValueError that names the field.
    """
    values: dict[str, float] = {}
    sent = dict(_leaves(body))
    listed = {path: at_path(body, path) for path in fields if "[" in path}
    sent |= {path: value for path, value in listed.items() if value is not None}
    for path, value in sent.items():
        meaning = fields.get(path)
        if meaning is None:
            if isinstance(value, int | float):
                values.setdefault(own_name(path), float(value))
            continue
        try:
            number = meaning.read(value)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        if number is not None and not math.isfinite(number):
            raise ValueError(f"{path}: {value!r} becomes no finite number")
        if number is not None:
            values[meaning.quantity] = number
    for path, meaning in fields.items():
        number = None if path in sent else _left_out(meaning, channels)
        if number is not None:
            values[meaning.quantity] = number
    return values


def _left_out(meaning: FieldMeaning, channels: frozenset[str]) -> float | None:
    if meaning.absent is not None:
        return meaning.absent if not channels or meaning.quantity in channels else None
    return 0.0 if meaning.quantity in CONTACTS & channels else None


def _leaves(body: Mapping[str, object], before: str = "") -> list[tuple[str, object]]:
    """Return what lies in a body, also further down, by its path: `temperatureSensor.1`."""
    leaves: list[tuple[str, object]] = []
    for name, value in body.items():
        leaves += (
            _leaves(value, f"{before}{name}.") if isinstance(value, Mapping) else [(before + name, value)]
        )
    return leaves


def as_number(value: object) -> object:
    """Return a number that was sent as text as what it is: many decoders write all as text."""
    if not isinstance(value, str) or len(value) > MOST_NUMBER_CHARACTERS:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return number if math.isfinite(number) else value


def at_path(body: object, path: str) -> object:
    """Return what lies at a path, as `messages[0].value`; None where nothing does."""
    for name, place in STEP.findall(path):
        if name:
            body = body.get(name) if isinstance(body, Mapping) else None
        else:
            body = body[int(place)] if isinstance(body, list) and int(place) < len(body) else None
    return body


def own_name(path: str) -> str:
    """Return a foreign name as one of ours: `batteryVoltage` is `battery_voltage`; raise ValueError."""
    name = NOT_IN_NAMES.sub("_", BETWEEN_WORDS.sub("_", path).lower()).strip("_")
    if not name:
        raise ValueError(f"{path[:80]!r} can't be a name here: map it to one")
    return check_label((name if name[:1].isalpha() else f"field_{name}")[:64])
