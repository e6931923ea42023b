"""SenML packs (RFC 8428) in JSON and CBOR become observations.

Base fields and relative times are resolved as section 4.6 says. What has no reading of ours in it (text,
data, sums) is refused with a reason.
"""

import io
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import cbor2
import msgspec

from gridwatch.model import Observation, check_label, check_time

RELATIVE_BELOW = 2**28
"""Times below this count from now (RFC 8428, section 4.5.3)."""

CBOR_NAMES: Mapping[int, str] = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
"""Integer labels of the CBOR form (RFC 8428, table 4)."""

UNIT_SUFFIX: Mapping[str, str] = {
    "Cel": "c", "%RH": "pct", "%": "pct", "%EL": "pct", "m/s": "ms", "ppm": "ppm", "mm": "mm",
}  # fmt: skip
"""How our quantities name the units of the SenML registry."""

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
    by_time: dict[datetime, dict[str, float]] = {}
    for at, name, value in _resolved(_records(payload), received_at):
        by_time.setdefault(at, {})[name] = value
    return tuple(
        Observation(device=device, observed_at=at, values=values) for at, values in sorted(by_time.items())
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


def _resolved(records: list[dict[str, Any]], now: datetime) -> list[tuple[datetime, str, float]]:
    base: dict[str, Any] = {}
    found = []
    for index, record in enumerate(records):
        base.update({key: value for key, value in record.items() if key.startswith("b")})
        _refuse(record | base, index)
        if not record.keys() & {"v", "vb"}:
            continue
        name = _quantity(str(record.get("n", "")), str(base.get("bn", "")), record.get("u", base.get("bu")))
        found.append((_time(record, base, now), name, _value(record, base)))
    if not found:
        raise ValueError("SenML: no record holds a value")
    return found


def _refuse(record: Mapping[str, Any], index: int) -> None:
    for field, why in (("s", "sums"), ("bs", "sums"), ("vs", "text"), ("vd", "data")):
        if field in record:
            raise ValueError(f"SenML: record {index}: {field}: {why} are not taken")
    version = record.get("bver", SUPPORTED_VERSION)
    if not isinstance(version, int) or version > SUPPORTED_VERSION:
        raise ValueError(f"SenML: record {index}: bver {version!r} is newer than {SUPPORTED_VERSION}")
    unknown = [key for key in record if key.endswith("_")]
    if unknown:
        raise ValueError(f"SenML: record {index}: {unknown[0]} must be understood and is not")


def _quantity(name: str, base_name: str, unit: object) -> str:
    """Return our name: the last part of the SenML name, with the unit that ours carry."""
    last = (base_name + name).replace("/", ":").rsplit(":", 1)[-1].lower()
    suffix = UNIT_SUFFIX.get(str(unit)) if unit is not None else None
    if suffix and not last.endswith(f"_{suffix}") and not last.endswith(f"_{suffix}_m"):
        last = f"{last}_{suffix}"
    return check_label(last)


def _number(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"SenML: {field}: {str(value)[:40]!r} is not a number")
    return float(value)


def _time(record: Mapping[str, Any], base: Mapping[str, Any], now: datetime) -> datetime:
    seconds = _number(record.get("t", 0), "t") + _number(base.get("bt", 0), "bt")
    if seconds < RELATIVE_BELOW:
        seconds += now.timestamp()
    return check_time(datetime.fromtimestamp(seconds, UTC))


def _value(record: Mapping[str, Any], base: Mapping[str, Any]) -> float:
    if "vb" in record:
        if not isinstance(record["vb"], bool):
            raise ValueError("SenML: vb is neither true nor false")
        return float(record["vb"])
    return _number(record["v"], "v") + _number(base.get("bv", 0), "bv")
