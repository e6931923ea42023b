"""The façade before a camera: polygon, masks, and the calibration that names floors and windows."""

from typing import Any, Self

from fastapi import APIRouter, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from api.fields import DeviceId
from api.office import Office, TheOffice, ThePerson
from api.problems import documented
from gridwatch.errors import NotFound
from gridwatch.facade import FacadeView, Landmark, Preset, StatedView, WindowGrid
from gridwatch.store.devices import get_device
from gridwatch.store.facades import set_view, view_changes

router = APIRouter(prefix="/api/v1/devices/{device}/view", tags=["registry"])

PointXy = tuple[float, float]


class ViewBody(BaseModel):
    """A view as somebody states it: pixels are those of pictures of `size_wh`."""

    model_config = ConfigDict(extra="forbid")

    size_wh: tuple[int, int]
    polygon: list[PointXy] = Field([], description="around the façade; empty: the whole picture")
    masks: list[list[PointXy]] = Field([], description="what is never looked at: trees, roads")
    landmarks: list[Landmark] = Field([], description="4 at least, better 8; none: no metres and floors")
    grid: WindowGrid | None = None
    vertical_fov_deg: float | None = Field(None, description="of the camera, where it is known")
    presets: list[Preset] = Field(
        [], description="where a camera for fire looks, and what it leaves out there"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.stated()
        return self

    def stated(self) -> StatedView:
        """Return it as it is worked out."""
        return StatedView(
            size_wh=self.size_wh,
            polygon=tuple(self.polygon),
            masks=tuple(tuple(mask) for mask in self.masks),
            landmarks=tuple(self.landmarks),
            grid=self.grid,
            vertical_fov_deg=self.vertical_fov_deg,
            presets=tuple(self.presets),
        )


class ChangeOfView(BaseModel):
    """Who changed a view, and whether it was taken away."""

    actor: str
    changed_at: AwareDatetime
    deleted: bool


class ViewAnswer(BaseModel):
    """What is known of a camera's façade. Residuals are root mean squares over the landmarks."""

    size_wh: tuple[int, int]
    polygon: list[PointXy]
    masks: list[list[PointXy]]
    landmarks: list[Landmark]
    grid: WindowGrid | None
    vertical_fov_deg: float | None
    presets: list[Preset]
    calibrated: bool
    residual_px: float | None
    residual_m: float | None
    error_m: float | None = Field(description="how uncertain a place on the façade is")
    camera: dict[str, float] | None = Field(description="where it stands: x_m, z_m, away_m from the façade")
    changes: list[ChangeOfView]

    @classmethod
    async def of(cls, office: Office, device: str, view: FacadeView) -> Self:
        """Make it with its last changes."""
        changes = [
            ChangeOfView(actor=one.actor, changed_at=one.changed_at, deleted=one.view is None)
            for one in await view_changes(office.store, device)
        ]
        made, stated = view.calibration, StatedView.of(view)
        said: dict[str, Any] = {
            "landmarks": list(stated.landmarks),
            "grid": stated.grid,
            "vertical_fov_deg": stated.vertical_fov_deg,
            "presets": list(view.presets),
            "calibrated": made is not None,
            "residual_px": made and made.residual_px,
            "residual_m": made and made.residual_m,
            "error_m": made and made.error_m,
            "camera": made and {"x_m": made.camera_x_m, "z_m": made.camera_z_m, "away_m": made.camera_away_m},
        }
        masks = [list(mask) for mask in view.masks]
        return cls(size_wh=view.size_wh, polygon=list(view.polygon), masks=masks, changes=changes, **said)


@router.get("", responses=documented(401, 404, 422, 503))
async def view(device: DeviceId, office: TheOffice) -> ViewAnswer:
    """Return what is known of the façade before a camera; 404 where nothing is."""
    known = await get_device(office.store, device)
    if known.view is None:
        raise NotFound(f"no view of {device} is known: calibrate it")
    return await ViewAnswer.of(office, device, known.view)


@router.put("", responses=documented(401, 404, 409, 422, 503))
async def put(device: DeviceId, body: ViewBody, office: TheOffice, person: ThePerson) -> ViewAnswer:
    """State a camera's view; landmarks are worked out and refused with the reason where they can't be right.

    It takes effect with the camera's next clip; who changed it is kept.
    """
    made = body.stated().view()
    await set_view(office.store, device, made, by=person.username)
    return await ViewAnswer.of(office, device, made)


@router.delete("", status_code=status.HTTP_204_NO_CONTENT, responses=documented(401, 404, 409, 422, 503))
async def delete(device: DeviceId, office: TheOffice, person: ThePerson) -> None:
    """Forget a camera's view; 404 where nothing is known."""
    if (await get_device(office.store, device)).view is None:
        raise NotFound(f"no view of {device} is known")
    await set_view(office.store, device, None, by=person.username)
