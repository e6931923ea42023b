"""Other people's units into ours: every conversion is linear, ours = scale · theirs + offset.

Gases in mg/m³ or µg/m³ become ppm at 25 °C and 1013 hPa, where a mole fills 24.45 litres.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

MOLE_LITRES = 24.45
MOLAR_MASS: Mapping[str, float] = {"co_ppm": 28.01, "co2_ppm": 44.01, "ch4_ppm": 16.04, "h2s_ppm": 34.08}
"""Grams per mole of the gases that we know by their quantity."""

Linear = tuple[float, float]
"""Scale and offset."""

UNITS: Mapping[str, Mapping[str, Linear]] = {
    "c": {"°C": (1, 0), "Cel": (1, 0), "°F": (5 / 9, -160 / 9), "K": (1, -273.15)},
    "pct": {"%": (1, 0), "%RH": (1, 0), "%EL": (1, 0), "‰": (0.1, 0), "0..1": (100, 0)},
    "pct_m": {"%/m": (1, 0)},
    "ppm": {"ppm": (1, 0), "ppb": (0.001, 0), "%": (10_000, 0)},
    "ugm3": {"µg/m³": (1, 0), "ug/m3": (1, 0), "mg/m³": (1000, 0), "mg/m3": (1000, 0)},
    "ms": {"m/s": (1, 0), "km/h": (1 / 3.6, 0), "mph": (0.44704, 0), "kn": (1852 / 3600, 0)},
    "mm": {"mm": (1, 0), "cm": (10, 0), "m": (1000, 0), "in": (25.4, 0)},
    "m": {"m": (1, 0), "cm": (0.01, 0), "mm": (0.001, 0), "ft": (0.3048, 0)},
    "hpa": {"hPa": (1, 0), "mbar": (1, 0), "Pa": (0.01, 0), "kPa": (10, 0)},
    "kpa": {"kPa": (1, 0), "Pa": (0.001, 0), "hPa": (0.1, 0), "bar": (100, 0), "psi": (6.894757, 0)},
    "v": {"V": (1, 0), "mV": (0.001, 0)},
    "a": {"A": (1, 0), "mA": (0.001, 0)},
    "w": {"W": (1, 0), "kW": (1000, 0)},
    "lx": {"lx": (1, 0), "lux": (1, 0)},
    "db": {"dB": (1, 0)},
    "dbm": {"dBm": (1, 0)},
    "s": {"s": (1, 0), "ms": (0.001, 0), "min": (60, 0), "h": (3600, 0)},
}
"""By the unit that a quantity of ours has at the end of its name."""

GAS_UNITS: Mapping[str, float] = {"mg/m³": 1.0, "mg/m3": 1.0, "µg/m³": 0.001, "ug/m3": 0.001}
"""Milligrams per cubic metre."""


def units_of(quantity: str) -> Mapping[str, Linear]:
    """Return the units that can be turned into a quantity's own; none where its name ends with no unit."""
    units = dict(UNITS.get(_unit(quantity), {}))
    if quantity in MOLAR_MASS:
        per_mg = MOLE_LITRES / MOLAR_MASS[quantity]
        units |= {unit: (per_mg * mg, 0) for unit, mg in GAS_UNITS.items()}
    return units


@lru_cache(4096)
def conversion(quantity: str, unit: str) -> Linear:
    """Return how a value in `unit` becomes one of `quantity`; raise ValueError that says what is known."""
    units = units_of(quantity)
    if unit not in units:
        raise ValueError(f"{unit!r} can't be turned into {quantity}: {_known(units)}")
    return units[unit]


def _known(units: Iterable[str]) -> str:
    names = ", ".join(units)
    return f"use {names}, or give scale and offset" if names else "give scale and offset"


def _unit(quantity: str) -> str:
    """Return the unit at the end of a quantity's name: the longest that is known."""
    parts = quantity.split("_")
    endings = ("_".join(parts[start:]) for start in range(1, len(parts)))
    return next((ending for ending in endings if ending in UNITS), "")
