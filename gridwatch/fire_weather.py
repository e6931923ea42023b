"""The Canadian Forest Fire Weather Index: how dry three layers of fuel are, and what a fire would do: pure.

Equations (numbers in brackets) of Van Wagner and Pickett 1985 (FTR 33) and Van Wagner 1987 (FTR 35), with the
factors of day length by latitude and the small corrections of the Canadian Forest Service's own programs.
Inputs are those of local noon: each day's codes follow from the day before.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt

EXACT = 250 * 59.5 / 101
"""Between the fine fuel moisture code and moisture in percent: 147.27723, with which a code of 0 is a
moisture of 250 % to the last digit, as newer programs have it."""
PRINTED = 147.2
"""The same as the papers print it; it makes FWI up to 0.24 different."""

FFMC_MOST, MOISTURE_MOST_PCT = 101.0, 250.0
MOST = 1e5
"""Of codes that have no end: far beyond what a drought of years gives."""
EQUATOR_DMC_HOURS, EQUATOR_DC_FACTOR = 9.0, 1.4

DMC_HOURS: Sequence[tuple[float, tuple[float, ...]]] = (
    (30.0, (6.5, 7.5, 9.0, 12.8, 13.9, 13.9, 12.4, 10.9, 9.4, 8.0, 7.0, 6.0)),
    (10.0, (7.9, 8.4, 8.9, 9.5, 9.9, 10.2, 10.1, 9.7, 9.1, 8.6, 8.1, 7.8)),
    (-10.0, (EQUATOR_DMC_HOURS,) * 12),
    (-30.0, (10.1, 9.6, 9.1, 8.5, 8.1, 7.8, 7.9, 8.3, 8.9, 9.4, 9.9, 10.2)),
    (-91.0, (11.5, 10.5, 9.2, 7.9, 6.8, 6.2, 6.5, 7.4, 8.7, 10.0, 11.2, 11.8)),
)
"""Effective hours of day length by month, for latitudes above each bound."""
DC_FACTORS: Sequence[tuple[float, tuple[float, ...]]] = (
    (20.0, (-1.6, -1.6, -1.6, 0.9, 3.8, 5.8, 6.4, 5.0, 2.4, 0.4, -1.6, -1.6)),
    (-20.0, (EQUATOR_DC_FACTOR,) * 12),
    (-91.0, (6.4, 5.0, 2.4, 0.4, -1.6, -1.6, -1.6, -1.6, -1.6, 0.9, 3.8, 5.8)),
)


def check_within(name: str, value: float, least: float, most: float) -> None:
    """Raise ValueError where a number is not from `least` to `most`."""
    if not (isfinite(value) and least <= value <= most):
        raise ValueError(f"{name} {value:g}: from {least:g} to {most:g}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Noon:
    """The weather of one day: at noon of local standard time, with the rain of the 24 hours before.

    `wind_kmh` is that of 10 m above open ground. Raises ValueError that begins with the field for what no
    place on earth has had.
    """

    month: int
    temp_c: float
    rh_pct: float
    wind_kmh: float
    rain_mm: float

    def __post_init__(self) -> None:
        check_within("month", self.month, 1, 12)
        check_within("temp_c", self.temp_c, -90, 60)
        check_within("rh_pct", self.rh_pct, 0, 100)
        check_within("wind_kmh", self.wind_kmh, 0, 410)
        check_within("rain_mm", self.rain_mm, 0, 2000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moisture:
    """How dry the fuel is: litter (FFMC), loose duff (DMC), deep layers (DC).

    It is all that one day hands on to the next. Raises ValueError that begins with the field.
    """

    ffmc: float = 85.0
    dmc: float = 6.0
    dc: float = 15.0

    def __post_init__(self) -> None:
        check_within("ffmc", self.ffmc, 0, FFMC_MOST)
        check_within("dmc", self.dmc, 0, MOST)
        check_within("dc", self.dc, 0, MOST)


@dataclass(frozen=True, kw_only=True, slots=True)
class Codes:
    """The six codes of a day and its daily severity rating."""

    ffmc: float
    dmc: float
    dc: float
    isi: float
    bui: float
    fwi: float
    dsr: float

    @property
    def moisture(self) -> Moisture:
        """Return what the next day follows from."""
        return Moisture(ffmc=self.ffmc, dmc=self.dmc, dc=self.dc)


def season(
    noons: Iterable[Noon], *, start: Moisture, latitude: float, coefficient: float = EXACT
) -> Iterator[Codes]:
    """Yield the codes of days that follow one another."""
    for noon in noons:
        codes = codes_of(noon, start, latitude=latitude, coefficient=coefficient)
        start = codes.moisture
        yield codes


def codes_of(noon: Noon, before: Moisture, *, latitude: float, coefficient: float = EXACT) -> Codes:
    """Return the codes of a day from its weather and from how dry it was the day before."""
    ffmc = _ffmc(noon, before.ffmc, coefficient)
    dmc = _dmc(noon, before.dmc, _of_month(DMC_HOURS, latitude, noon.month))
    dc = _dc(noon, before.dc, _of_month(DC_FACTORS, latitude, noon.month))
    isi = _isi(ffmc, noon.wind_kmh, coefficient)
    bui = _bui(dmc, dc)
    fwi = _fwi(isi, bui)
    return Codes(ffmc=ffmc, dmc=dmc, dc=dc, isi=isi, bui=bui, fwi=fwi, dsr=0.0272 * fwi**1.77)


def _of_month(bands: Sequence[tuple[float, tuple[float, ...]]], latitude: float, month: int) -> float:
    return next(months for above, months in bands if latitude > above)[month - 1]


def _ffmc(noon: Noon, before: float, coefficient: float) -> float:
    """Return the fine fuel moisture code (1 to 10)."""
    rh, temp = noon.rh_pct, noon.temp_c
    moisture = _after_rain(coefficient * (101 - before) / (59.5 + before), noon.rain_mm)
    warmth = 0.18 * (21.1 - temp) * (1 - exp(-0.115 * rh))
    dried = 0.942 * rh**0.679 + 11 * exp((rh - 100) / 10) + warmth
    wetted = 0.618 * rh**0.753 + 10 * exp((rh - 100) / 10) + warmth
    if moisture > dried:
        moisture = dried + (moisture - dried) * _left(rh / 100, noon.wind_kmh, temp)
    elif moisture < min(wetted, dried):
        moisture = wetted - (wetted - moisture) * _left((100 - rh) / 100, noon.wind_kmh, temp)
    return min(max(59.5 * (250 - moisture) / (coefficient + moisture), 0.0), FFMC_MOST)


def _after_rain(moisture: float, rain_mm: float) -> float:
    """Return the litter's moisture in percent after what of the rain comes through the canopy (2, 3)."""
    if rain_mm > 0.5:
        through = rain_mm - 0.5
        wetter = 42.5 * through * exp(-100 / (251 - moisture)) * (1 - exp(-6.93 / through))
        if moisture > 150:
            wetter += 0.0015 * (moisture - 150) ** 2 * sqrt(through)
        moisture += wetter
    return min(moisture, MOISTURE_MOST_PCT)


def _left(part: float, wind_kmh: float, temp_c: float) -> float:
    """Return how much of the way to equilibrium is left after a day (6, 7)."""
    rate = 0.424 * (1 - part**1.7) + 0.0694 * sqrt(wind_kmh) * (1 - part**8)
    return float(10 ** -(rate * 0.581 * exp(0.0365 * temp_c)))


def _dmc(noon: Noon, before: float, hours: float) -> float:
    """Return the duff moisture code (11 to 17)."""
    dried = 1.894e-4 * (max(noon.temp_c, -1.1) + 1.1) * (100 - noon.rh_pct) * hours
    if noon.rain_mm <= 1.5:
        return before + dried
    through = 0.92 * noon.rain_mm - 1.27
    if before <= 33:
        slope = 100 / (0.5 + 0.3 * before)
    elif before <= 65:
        slope = 14 - 1.3 * log(before)
    else:
        slope = 6.2 * log(before) - 17.2
    # 280 · exp(-0.023 P): as the Forest Service's programs have equation 12.
    beyond = 280 * exp(-0.023 * before) + 1000 * through / (48.77 + slope * through)
    return max(43.43 * (5.6348 - log(beyond)), 0.0) + dried


def _dc(noon: Noon, before: float, factor: float) -> float:
    """Return the drought code (18 to 23)."""
    dried = max((0.36 * (max(noon.temp_c, -2.8) + 2.8) + factor) / 2, 0.0)
    if noon.rain_mm > 2.8:
        through = 0.83 * noon.rain_mm - 1.27
        before = max(before - 400 * log(1 + 3.937 * through / (800 * exp(-before / 400))), 0.0)
    return before + dried


def _isi(ffmc: float, wind_kmh: float, coefficient: float) -> float:
    """Return the initial spread index (24 to 26)."""
    moisture = coefficient * (101 - ffmc) / (59.5 + ffmc)
    fuel: float = 91.9 * exp(-0.1386 * moisture) * (1 + moisture**5.31 / 4.93e7)
    return 0.208 * wind_factor(wind_kmh) * fuel


def wind_factor(wind_kmh: float) -> float:
    """Return by how much a wind makes a fire spread faster than it does in calm air (24)."""
    return exp(0.05039 * wind_kmh)


def _bui(dmc: float, dc: float) -> float:
    """Return the buildup index (27)."""
    if dmc == 0:
        return 0.0
    together: float = 0.8 * dmc * dc / (dmc + 0.4 * dc)
    if together >= dmc:
        return together
    share: float = 0.92 + (0.0114 * dmc) ** 1.7
    return max(dmc - (1 - together / dmc) * share, 0.0)


def _fwi(isi: float, bui: float) -> float:
    """Return the fire weather index (28 to 30)."""
    duff = 0.626 * bui**0.809 + 2 if bui <= 80 else 1000 / (25 + 108.64 * exp(-0.023 * bui))
    burning = 0.1 * isi * duff
    return float(burning if burning <= 1 else exp(2.72 * (0.434 * log(burning)) ** 0.647))
