"""How devices fare: by area, one by one, and by channel."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.fields import DeviceId, Text
from api.office import TheOffice
from api.problems import documented
from gridwatch.errors import NotFound
from gridwatch.store.devices import get_device
from gridwatch.store.health import Health, area_health, device_channels, devices_health

router = APIRouter(prefix="/api/v1", tags=["health"])


class AreaHealth(BaseModel):
    """An area with all devices below it; `health` counts them by how they fare."""

    code: str
    name: str
    level: str
    has_parts: bool
    devices: int
    health: dict[Health, int]


class DeviceHealth(BaseModel):
    """How a device fares, and when something of it came last."""

    id: str
    name: str
    kind: str
    scene: str
    area: str | None
    area_name: str
    lift: str | None
    simulated: bool
    health: Health
    seen_at: AwareDatetime | None = Field(description="null: not in the last 30 days")


class ChannelHealth(BaseModel):
    """What a device measures: the last value, when that was, and since when nothing comes."""

    quantity: str
    seen_at: AwareDatetime | None
    value: float | None
    interval_s: float | None = Field(description="how often it is due; null: it is not missed")
    silent_since: AwareDatetime | None


@router.get("/health/areas", responses=documented(401, 404, 422, 503), response_model=list[AreaHealth])
async def areas(
    office: TheOffice,
    under: Annotated[Text | None, Query(description="code of an area: those right below it")] = None,
) -> Any:
    """Return how the devices of areas fare: those right below one, else the widest that the caller sees."""
    if under is not None and (await office.tree.get()).get(under) is None:
        raise NotFound(f"no area {under!r}")
    return await area_health(office.store, under=under)


@router.get("/health/devices", responses=documented(401, 422, 503), response_model=list[DeviceHealth])
async def devices(
    office: TheOffice,
    area: Annotated[Text | None, Query(description="code of an area: it and all below it")] = None,
    search: Annotated[Text | None, Query(description="in id, name, model and labels")] = None,
    health: Health | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Any:
    """Return devices with how they fare, those in trouble first."""
    return await devices_health(office.store, area=area, search=search, health=health, limit=limit)


@router.get(
    "/devices/{device}/channels", responses=documented(401, 404, 422, 503), response_model=list[ChannelHealth]
)
async def channels(device: DeviceId, office: TheOffice) -> Any:
    """Return what a device measures, with the last value of each and when it came."""
    await get_device(office.store, device)
    return await device_channels(office.store, device)
