"""The fire weather of stations and the level of fire danger."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BaseModel, Field

from api.fields import DeviceId, Text
from api.office import TheOffice
from api.problems import documented
from gridwatch.fire_danger import MEANINGS, DangerLevel
from gridwatch.store.devices import get_device
from gridwatch.store.fire_weather import fire_weather_now, level_of, list_fire_days

router = APIRouter(prefix="/api/v1/fire-weather", tags=["fire weather"])

DEFAULT_RANGE = timedelta(days=30)

AreaBelow = Annotated[Text | None, Query(description="an area with all below it")]


class LevelAnswer(BaseModel):
    """One of the five levels: what it is called, its colour, and what patrols are advised to do."""

    number: int = Field(ge=1, le=5)
    name: str
    name_zh: str
    colour: str
    advice: str
    advice_zh: str

    @classmethod
    def of(cls, level: DangerLevel) -> "LevelAnswer":
        """Say what a level means."""
        meaning = MEANINGS[level]
        return cls(
            number=level,
            name=meaning.name,
            name_zh=meaning.name_zh,
            colour=meaning.colour,
            advice=meaning.advice,
            advice_zh=meaning.advice_zh,
        )


class FireDayAnswer(BaseModel):
    """One day of a station, which ended at noon of its own standard time.

    `filled` says which parts of the weather were not measured there, and where they are from.
    """

    station: str
    station_name: str
    area: str | None
    simulated: bool
    day: date
    noon_at: AwareDatetime
    temperature_c: float
    temperature_max_c: float
    humidity_pct: float
    humidity_min_pct: float
    wind_ms: float
    wind_max_ms: float
    rain_mm: float
    dry_days: int
    filled: dict[str, str] = Field(
        description="by part: neighbour and its id, carried and the number of days, assumed or partial"
    )
    ffmc: float
    dmc: float
    dc: float
    isi: float
    bui: float
    fwi: float
    dsr: float
    danger: float
    level: int = Field(ge=1, le=5)


class FireWeatherNow(BaseModel):
    """The level now, the highest of all stations, and the last day of each; None where none is known.

    Simulated stations count only where there are no others.
    """

    level: LevelAnswer | None
    stations: list[FireDayAnswer]


@router.get("", responses=documented(401, 404, 422, 503), response_model=list[FireDayAnswer])
async def fire_weather(
    *,
    office: TheOffice,
    station: Annotated[DeviceId | None, Query()] = None,
    area: AreaBelow = None,
    since: Annotated[date | None, Query(alias="from", description="2026-05-01, inclusive")] = None,
    until: Annotated[date | None, Query(alias="to", description="2026-05-31, inclusive")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Any:
    """Return days of stations, the last first: the last 30 unless days are given."""
    until = until or datetime.now(UTC).date() + timedelta(days=1)
    since = since or until - DEFAULT_RANGE
    if since > until:
        raise RequestValidationError([{"loc": ("query", "from"), "msg": "is later than `to`"}])
    if station is not None:
        await get_device(office.store, station)
    return await list_fire_days(
        office.store, station=station, area=area, since=since, until=until, limit=limit
    )


@router.get("/now", responses=documented(401, 422, 503), response_model=FireWeatherNow)
async def now(office: TheOffice, area: AreaBelow = None) -> Any:
    """Return the level of fire danger now, and what it follows from."""
    rows = await fire_weather_now(office.store, datetime.now(UTC), area=area)
    level = level_of(rows)
    return {"level": None if level is None else LevelAnswer.of(level), "stations": rows}
