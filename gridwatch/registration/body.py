"""A device as people state it: over HTTP, in a JSON file, and in the rows of a table."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gridwatch.coordinates import Crs
from gridwatch.model import (
    MAX_INTERVAL_S,
    MAX_UNIT,
    MIN_INTERVAL_S,
    Channel,
    Device,
    DeviceKind,
    DeviceState,
    Location,
    Stated,
)
from gridwatch.registration.fields import (
    DeviceId,
    DeviceLabel,
    Json,
    Label,
    Moment,
    PlaybackUrl,
    SceneName,
    Text,
)
from gridwatch.registration.state import check_end

MOST_CHANNELS, MOST_LABELS, MOST_CAMERAS = 256, 50, 20


CRS_NAMES = {
    **{crs.value.replace("-", ""): crs for crs in Crs},
    "CGCS2000": Crs.WGS84,
    "BD09LL": Crs.BD09,
}
"""As people write them; CGCS2000 and WGS-84 differ by less than a metre."""


def _crs(name: Any) -> Any:
    return CRS_NAMES.get(re.sub(r"[-_ ]", "", name).upper(), name) if isinstance(name, str) else name


class Place(BaseModel):
    """A place in degrees, WGS-84."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)


class StatedPlace(Place):
    """A place in degrees, and the system that they are of."""

    crs: Annotated[Crs, BeforeValidator(_crs)] = Crs.WGS84

    @classmethod
    def of(cls, device: Device) -> Self | None:
        """Return where a device stands, as it was stated."""
        place = device.stated or device.location
        if place is None:
            return None
        return cls(lon=place.lon, lat=place.lat, crs=device.stated.crs if device.stated else Crs.WGS84)

    def stated(self) -> Stated | None:
        """Return it as the domain keeps what is not WGS-84."""
        return None if self.crs is Crs.WGS84 else Stated(crs=self.crs, lon=self.lon, lat=self.lat)


class ChannelBody(BaseModel):
    """One quantity that a device measures."""

    model_config = ConfigDict(extra="forbid")

    quantity: Label
    unit: Text = Field("", max_length=MAX_UNIT)
    interval_s: float | None = Field(
        None, ge=MIN_INTERVAL_S, le=MAX_INTERVAL_S, description="how often it should be heard"
    )
    quality: Json = Field(
        {}, description="limits that its readings are tested by: min, max, flat_s, flat_within, spike, drift"
    )

    def channel(self) -> Channel:
        """Return it as the domain's channel."""
        return Channel(
            quantity=self.quantity, unit=self.unit, interval_s=self.interval_s, quality=self.quality
        )


class DeviceBody(BaseModel):
    """A device as it is registered."""

    model_config = ConfigDict(extra="forbid")

    id: DeviceId
    scene: SceneName
    kind: DeviceKind
    name: Text = ""
    model: Text = Field("", description="its maker's name for it")
    source: Text | None = Field(
        None, description="its name in the system that speaks for it: chirpstack:70b3d5…"
    )
    area: Text | None = Field(None, description="code of the area that it is in")
    location: StatedPlace | None = None
    channels: list[ChannelBody] = Field([], max_length=MOST_CHANNELS)
    labels: list[DeviceLabel] = Field([], max_length=MOST_LABELS)
    address: Text = ""
    telephone: Text = Field("", description="of the estate or household")
    gateway: DeviceId | None = Field(None, description="the device that it speaks through")
    lift: DeviceId | None = Field(None, description="the lift that this camera looks into")
    cameras: list[DeviceId] = Field([], max_length=MOST_CAMERAS, description="that see it, nearest first")
    playback_url: PlaybackUrl | None = Field(
        None, description="of the recorder; {start} and {end} in it become Unix seconds"
    )
    state: DeviceState = DeviceState.NEW
    state_until: Moment | None = Field(None, description="end of test or maintenance")
    state_by: Text = Field("", description="who put it into test or maintenance; is told of its drills")
    simulated: bool = Field(False, description="its alerts are marked and tell nobody")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.device()
        check_end(self.state, self.state_until, now=datetime.now(UTC))
        return self

    @classmethod
    def fields_of(cls, device: Device) -> dict[str, Any]:
        """Return what states `device` again, unchanged."""
        return {
            "id": device.id,
            "scene": device.scene,
            "kind": device.kind,
            "name": device.name,
            "model": device.model,
            "source": device.source,
            "area": device.area,
            "location": StatedPlace.of(device),
            "channels": [ChannelBody.model_validate(channel.as_json()) for channel in device.channels],
            "labels": list(device.labels),
            "address": device.address,
            "telephone": device.telephone,
            "gateway": device.gateway,
            "lift": device.lift,
            "cameras": list(device.cameras),
            "playback_url": device.playback_url,
            "state": device.state,
            "state_until": device.state_until,
            "state_by": device.state_by,
            "simulated": device.simulated,
        }

    def device(self) -> Device:
        """Return it as the domain's device."""
        place, stated = self.location, self.location.stated() if self.location else None
        location = Location(lon=place.lon, lat=place.lat) if place else None
        return Device(
            id=self.id,
            scene=self.scene,
            kind=self.kind,
            name=self.name,
            model=self.model,
            source=self.source,
            area=self.area,
            location=stated.location() if stated else location,
            stated=stated,
            channels=tuple(channel.channel() for channel in self.channels),
            labels=tuple(dict.fromkeys(self.labels)),
            address=self.address,
            telephone=self.telephone,
            gateway=self.gateway,
            lift=self.lift,
            cameras=tuple(dict.fromkeys(self.cameras)),
            playback_url=self.playback_url,
            state=self.state,
            state_until=self.state_until,
            state_by=self.state_by,
            simulated=self.simulated,
        )
