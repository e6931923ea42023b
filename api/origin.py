"""Where a thing came from, as events and alerts say it."""

from typing import Literal

from pydantic import BaseModel, Field


class OriginAnswer(BaseModel):
    """A place that a thing may have come from: a window of a floor, the roof, or anything else."""

    p: float = Field(description="probability")
    floor: int | None = None
    window: int | None = Field(None, description="from the left as the camera sees them")
    place: Literal["window", "roof", "elsewhere"] = "window"
