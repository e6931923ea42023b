"""SenML packs (RFC 8428) in JSON and CBOR become observations.

Base fields and relative times are resolved as sections 4.5 and 4.6 say. What has no reading of ours in it
(text, data, sums) is refused with a reason.
"""

import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

import cbor2
import msgspec

from gridwatch.model import LABEL, Observation, check_label, check_time

RELATIVE_BELOW = 2**28
"""Times below this count from now (RFC 8428, section 4.5.3)."""

CBOR_NAMES: Mapping[int, str] = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
"""Integer labels of the CBOR form (RFC 8428, table 4)."""

Linear: TypeAlias = tuple[float, float] | None
"""Scale and offset; None where the value stays."""

UNITS: Mapping[str, tuple[str, Linear]] = {
    "Cel": ("c", None), "K": ("c", (1, -273.15)), "%RH": ("pct", None), "%EL": ("pct", None),
    "%": ("pct", None), "/100": ("pct", None), "ppm": ("ppm", None), "ug/m3": ("ugm3", None),
    "m/s": ("ms", None), "km/h": ("ms", (1 / 3.6, 0)), "mm": ("mm", None), "m": ("m", None),
    "cm": ("m", (0.01, 0)), "hPa": ("hpa", None), "Pa": ("hpa", (0.01, 0)), "V": ("v", None),
    "mV": ("v", (0.001, 0)), "A": ("a", None), "mA": ("a", (0.001, 0)), "W": ("w", None),
    "kW": ("w", (1000, 0)), "lx": ("lx", None), "dB": ("db", None), "dBm": ("dbm", None),
}  # fmt: skip
"""How our quantities end for units of the SenML registries (RFC 8428, 8798), and how values become ours."""

NAMED_BY_UNIT: Mapping[str, str] = {
    "Cel": "temperature_c", "K": "temperature_c", "%RH": "humidity_pct", "%EL": "battery_pct",
    "lon": "lon", "lat": "lat", "V": "voltage_v", "A": "current_a", "W": "power_w", "lx": "illuminance_lx",
}  # fmt: skip
"""What is measured, where a name is a device's alone."""

DEVICE_ALONE = re.compile(r"urn:dev:[^:]+:[^:]*:?")
"""A device URN (RFC 9039) without the name of a quantity after it."""

MAX_RECORDS = 10_000
SUPPORTED_VERSION = 10
"""`bver` of RFC 8428; a higher one may mean something else."""

_pack = msgspec.json.Decoder(list[dict[str, Any]])


def looks_like_senml(payload: bytes) -> bool:
    """Tell whether a payload is CBOR (an array), or JSON records that carry SenML names and not ours."""
    if 0x80 <= (payload[0] if payload else 0) <= 0x9F:
        return True
    start = payload.lstrip()[:1]
    if start != b"[" or b'"values"' in payload:
        return False
    return any(name in payload for name in (b'"n"', b'"bn"'))


def read_senml(device: str, payload: bytes, *, received_at: datetime) -> tuple[Observation, ...]:
    """Read a pack into one observation per time; raise ValueError with the reason where it can't be."""
    by_time: dict[float, dict[str, float]] = {}
    for seconds, name, value in _resolved(_records(payload), received_at.timestamp()):
        values = by_time.get(seconds)
        if values is None:
            values = by_time[seconds] = {}
        if values.setdefault(name, value) != value:
            raise ValueError(f"SenML: two values of {name} at one time: does the pack speak for two devices?")
    return tuple(
        Observation(
            device=device, observed_at=check_time(datetime.fromtimestamp(seconds, UTC)), values=values
        )
        for seconds, values in sorted(by_time.items())
    )


def _records(payload: bytes) -> list[dict[str, Any]]:
    records = _cbor(payload) if 0x80 <= payload[0] <= 0x9F else _pack.decode(payload)
    if len(records) > MAX_RECORDS:
        raise ValueError(f"SenML: {len(records)} records in one pack; {MAX_RECORDS} are taken")
    return records


def _cbor(payload: bytes) -> list[dict[str, Any]]:
    source = io.BytesIO(payload)
    try:
        pack = cbor2.load(source)
    except (cbor2.CBORDecodeError, RecursionError, MemoryError) as error:
        raise ValueError(f"SenML: not CBOR: {error}") from error
    if source.read(1):
        raise ValueError("SenML: bytes follow the CBOR array")
    if not (isinstance(pack, list) and all(isinstance(record, dict) for record in pack)):
        raise ValueError("SenML: a pack is an array of maps")
    return [{str(CBOR_NAMES.get(key, key)): value for key, value in record.items()} for record in pack]


@dataclass(slots=True)
class Base:
    """The base fields that stand until a later record gives others."""

    name: str = ""
    unit: str | None = None
    value: float | None = None
    seconds: float = 0.0


PLAIN = frozenset({"n", "u", "v", "t"})
"""The fields of nearly every record; one that has others is looked at more closely."""


def _resolved(records: list[dict[str, Any]], now_s: float) -> Iterator[tuple[float, str, float]]:
    """Yield time (Unix seconds), quantity and value of each record that has one."""
    base = Base()
    found = False
    for index, record in enumerate(records):
        if not PLAIN.issuperset(record):
            _refuse(record, index)
            _take_base(record, base)
        unit = _unit(record["u"]) if "u" in record else base.unit
        if "v" in record:
            value = _number(record["v"], "v")
            if base.value is not None:
                value = _number(value + base.value, "v + bv")
        elif "vb" in record:
            value, unit = _truth(record["vb"]), None
        elif base.value is not None and "n" in record:
            value = base.value
        else:
            continue
        seconds = base.seconds
        if "t" in record:
            seconds += _number(record["t"], "t")
        name, linear = _name(record, base, unit)
        if linear is not None:
            value = value * linear[0] + linear[1]
        yield seconds + now_s if seconds < RELATIVE_BELOW else seconds, name, value
        found = True
    if not found:
        raise ValueError("SenML: no record holds a value")


def _refuse(record: Mapping[str, Any], index: int) -> None:
    for field, why in (("s", "sums"), ("bs", "sums"), ("vs", "text"), ("vd", "data")):
        if field in record:
            raise ValueError(f"SenML: record {index}: {field}: {why} are not taken")
    if "v" in record and "vb" in record:
        raise ValueError(f"SenML: record {index}: v and vb: a record has one value")
    version = record.get("bver", SUPPORTED_VERSION)
    if not isinstance(version, int) or version > SUPPORTED_VERSION:
        raise ValueError(f"SenML: record {index}: bver {version!r} is newer than {SUPPORTED_VERSION}")
    unknown = [key for key in record if key.endswith("_")]
    if unknown:
        raise ValueError(f"SenML: record {index}: {unknown[0]} must be understood and is not")


def _take_base(record: Mapping[str, Any], base: Base) -> None:
    if "bn" in record:
        base.name = str(record["bn"])
    if "bu" in record:
        base.unit = _unit(record["bu"])
    if "bv" in record:
        base.value = _number(record["bv"], "bv")
    if "bt" in record:
        base.seconds = _number(record["bt"], "bt")


def _unit(unit: object) -> str | None:
    return None if unit is None else str(unit)


def _name(record: Mapping[str, Any], base: Base, unit: str | None) -> tuple[str, Linear]:
    name = base.name + str(record.get("n", ""))
    return (
        _known_quantity(name, unit)
        if len(name) + len(unit or "") <= MAX_KNOWN_NAME
        else _quantity(name, unit)
    )


def _quantity(name: str, unit: str | None) -> tuple[str, Linear]:
    """Return our name, and how values become ours.

    That is the last part of the SenML name with the unit that ours carry, or, where the name is a device's
    alone, what its unit measures.
    """
    suffix, linear = UNITS.get(unit or "", ("", None))
    last = name.replace("/", ":").rsplit(":", 1)[-1].lower().replace("-", "_").replace(".", "_")
    if (
        unit is not None
        and unit in NAMED_BY_UNIT
        and (DEVICE_ALONE.fullmatch(name) or LABEL.fullmatch(last) is None)
    ):
        return NAMED_BY_UNIT[unit], linear
    if suffix and not last.endswith(f"_{suffix}") and not last.endswith(f"_{suffix}_m"):
        last = f"{last}_{suffix}"
    return check_label(last), linear


MAX_KNOWN_NAME, MAX_KNOWN_NAMES = 128, 131_072
"""Names that are not taken apart again: a sensor calls its quantities the same in every pack."""

_known_quantity = lru_cache(MAX_KNOWN_NAMES)(_quantity)


NUMBERS = (int, float, Decimal)
"""A Decimal is what CBOR's decimal fractions become."""


def _number(value: object, field: str) -> float:
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, bool) or not isinstance(value, NUMBERS) or not math.isfinite(value):
        raise ValueError(f"SenML: {field}: {str(value)[:40]!r} is not a number")
    return float(value)


def _truth(value: object) -> float:
    if not isinstance(value, bool):
        raise ValueError("SenML: vb is neither true nor false")
    return float(value)
