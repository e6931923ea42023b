"""What a renderer hands out: pictures, and the truth about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gridwatch.model import BoxXyxy, Picture


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """One thing that really happens in rendered pictures.

    `boxes` has one entry per picture: where it is, or None where it can't be seen.
    """

    label: str
    started_at: datetime
    ended_at: datetime
    boxes: Sequence[BoxXyxy | None] = ()
    detail: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """Pictures of one camera in time order, and everything that happens in them."""

    pictures: Sequence[Picture]
    truth: Sequence[Truth]
