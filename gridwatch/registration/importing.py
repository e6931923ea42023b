"""Files of devices: what each line says, what is wrong in it, and what it makes of the registry."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from gridwatch.lines import WrongLine, WrongLines, text_of
from gridwatch.model import Device, DeviceKind, DeviceState
from gridwatch.registration.body import DeviceBody
from gridwatch.registration.cells import fields_of_row
from gridwatch.registration.tables import MOST_ROWS, read_csv, read_xlsx

LARGEST_FILE = 64 * 2**20
"""Bytes: 100,000 devices take half of it."""


class FileForm(StrEnum):
    """What a file of devices may be."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One device of a file: what it says, by field; what it leaves out stays as it is."""

    line: int
    unit: str
    fields: Mapping[str, Any]

    def wrong(self, name: str, why: str) -> WrongLine:
        """Return that something in this line is wrong."""
        return WrongLine(line=self.line, field=name, why=why, unit=self.unit)


@dataclass(slots=True)
class Reading:
    """What a file says, and what of it can't be read."""

    lines: list[Line] = field(default_factory=list)
    wrong: list[WrongLine] = field(default_factory=list)

    def ids(self) -> list[str]:
        """Return the ids of the devices, as far as they are any."""
        named = (line.fields.get("id") for line in self.lines)
        return [name for name in named if isinstance(name, str) and "\0" not in name]


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What of the registry a file must fit: devices that it names, and what others refer to."""

    devices: Mapping[str, Device]
    """Those that the file changes."""

    kinds: Mapping[str, DeviceKind]
    """Of all devices."""

    sources: Mapping[str, str]
    """The device of each source."""

    areas: frozenset[str]
    """All codes."""


def read_devices(content: bytes, form: FileForm) -> Reading:
    """Read a file; raise WrongLines where it as a whole is no such file."""
    if len(content) > LARGEST_FILE:
        raise _no_file(f"has more than {LARGEST_FILE // 2**20} MiB")
    if form is FileForm.JSON:
        return _read_json(text_of(content))
    rows, wrong = read_csv(content) if form is FileForm.CSV else read_xlsx(content)
    if len(rows) > MOST_ROWS:
        raise _no_file(f"has more than {MOST_ROWS} devices")
    reading = Reading(wrong=wrong)
    for line, row in rows:
        try:
            fields = fields_of_row(row)
        except ValueError as error:
            reading.wrong.append(WrongLine(line=line, field="channels", why=str(error)))
        else:
            reading.lines.append(Line(line=line, unit="line", fields=fields))
    return reading


def _read_json(text: str) -> Reading:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        raise _no_file(f"is no JSON: {error.msg}", line=error.lineno) from error
    except RecursionError as error:
        raise _no_file("is nested too deeply") from error
    if not isinstance(whole, list) or len(whole) > MOST_ROWS:
        raise _no_file(f"is no list of at most {MOST_ROWS} devices")
    reading = Reading()
    for number, item in enumerate(whole, start=1):
        if isinstance(item, dict):
            reading.lines.append(Line(line=number, unit="item", fields=item))
        else:
            reading.wrong.append(WrongLine(line=number, field="item", why="is no object", unit="item"))
    return reading


def _no_file(why: str, *, line: int = 1) -> WrongLines:
    return WrongLines([WrongLine(line=line, field="file", why=why)])


def fit_in(reading: Reading, around: Surroundings) -> list[Device]:
    """Return the devices of a file as they will be; raise WrongLines with everything that is wrong."""
    wrong = list(reading.wrong)
    devices: list[tuple[Line, Device]] = []
    for line in reading.lines:
        try:
            devices.append((line, _device(line, around)))
        except ValidationError as error:
            wrong += [line.wrong(_field(one["loc"]), _why(one["msg"])) for one in error.errors()]
    wrong += _twice(devices, "id", lambda device: device.id)
    wrong += _twice(devices, "source", lambda device: device.source)
    kinds = {**around.kinds, **{device.id: device.kind for _, device in devices}}
    changed = {device.id for _, device in devices}
    for line, device in devices:
        wrong += _misfits(line, device, around, kinds, changed)
    if wrong:
        raise WrongLines(wrong)
    return [device for _, device in devices]


def _device(line: Line, around: Surroundings) -> Device:
    name = line.fields.get("id")
    known = around.devices.get(name) if isinstance(name, str) else None
    before = {} if known is None else DeviceBody.fields_of(known)
    device = DeviceBody.model_validate({**before, **line.fields}).device()
    over = device.state_until is not None and device.state_until <= datetime.now(UTC)
    return replace(device, state=DeviceState.ACTIVE, state_until=None, state_by="") if over else device


def _field(place: Sequence[str | int]) -> str:
    """Return the field that an error is in, as a table calls it."""
    return ".".join(map(str, place)).removeprefix("location.") or "device"


def _why(text: str) -> str:
    return text.removeprefix("Value error, ")


def _twice(
    devices: Sequence[tuple[Line, Device]], name: str, of: Callable[[Device], str | None]
) -> list[WrongLine]:
    first: dict[str, Line] = {}
    wrong = []
    for line, device in devices:
        value = of(device)
        if value is not None and first.setdefault(value, line) is not line:
            wrong.append(line.wrong(name, f"{value} stands in {line.unit} {first[value].line} already"))
    return wrong


def _misfits(
    line: Line,
    device: Device,
    around: Surroundings,
    kinds: Mapping[str, DeviceKind],
    changed: set[str],
) -> list[WrongLine]:
    """Return where a device does not fit what is registered, or will be."""
    known = around.devices.get(device.id)
    wrong: list[WrongLine] = []
    if device.area is not None and device.area not in around.areas and "area" in line.fields:
        wrong.append(line.wrong("area", f"no area has the code {device.area}: gridwatch areas list"))
    wrong += [
        line.wrong(field, f"no device {other} is in the file or registered")
        for field, other in (("gateway", device.gateway), ("lift", device.lift))
        if other is not None and other not in kinds
    ]
    wrong += [
        line.wrong("cameras", f"no camera {camera} is in the file or registered")
        for camera in device.cameras
        if kinds.get(camera) is not DeviceKind.CAMERA
    ]
    owner = around.sources.get(device.source) if device.source is not None else None
    if owner is not None and owner != device.id and owner not in changed:
        wrong.append(line.wrong("source", f"{device.source} is {owner} already"))
    if known is not None and known.simulated != device.simulated:
        wrong.append(line.wrong("simulated", "can't be changed: register another device"))
    return wrong
