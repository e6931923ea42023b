"""What a camera concluded by itself, in its vendor's words, and how that becomes a finding of ours."""

import base64
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec

from gridwatch.errors import SettingsError, UnreadableMedia
from gridwatch.model import check_label
from gridwatch.picture_format import read_header
from gridwatch.wire import topic_of
from ingest.bridges.publisher import Outgoing

CONFIDENCE = 0.8
"""Vendors give none that means anything outside of their own cameras: sure, but not as sure as can be."""

TOLD_EVERY = timedelta(seconds=10)
"""Cameras say once a second that something goes on; so often the event is brought up to date."""

OVER_AFTER = timedelta(seconds=30)
"""Without a word. Many cameras never say that something has ended."""

MOST_PIXELS = 50_000_000
MOST_PICTURES = 4
"""Of one judgement: thermal cameras send two, one of each lens."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """One event of a camera, in its vendor's words. `kind`: what happens; `target`: what was seen."""

    kind: str
    channel: str
    active: bool = True
    momentary: bool = False
    at: datetime | None = None
    target: str = ""
    box: Box | None = None
    """Left, top, right, bottom as fractions of the picture."""
    pictures: tuple[bytes, ...] = ()


def read_labels(vendor: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the vendor's kinds of events with our labels: the table beside this file, and what is `chosen`.

    An empty label takes a kind out. `kind:target` goes before `kind`. Raises SettingsError.
    """
    text = (files("ingest.bridges") / f"{vendor}.toml").read_text(encoding="utf-8")
    labels = {**tomllib.loads(text)["labels"], **chosen}
    for kind, label in labels.items():
        try:
            if label:
                check_label(label)
        except ValueError as error:
            raise SettingsError(f"labels: {kind}: {error}") from error
    return {kind: label for kind, label in labels.items() if label}


def label_of(judgement: Judgement, labels: Mapping[str, str]) -> str | None:
    """Return our label of what a camera concluded; None where it is nothing to us."""
    return labels.get(f"{judgement.kind}:{judgement.target}") or labels.get(judgement.kind)


@dataclass(slots=True)
class Episode:
    """Something that goes on before a camera."""

    started: datetime
    heard: datetime
    told: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What is to be told: `started` names the event, `ended` says that it is over."""

    at: datetime
    started: datetime
    is_new: bool
    ended: bool = False


@dataclass(slots=True)
class Episodes:
    """What goes on before the cameras of a bridge: what they repeat is one event with updates."""

    going_on: dict[tuple[str, str], Episode] = field(default_factory=dict)

    def follow(self, device: str, judgement: Judgement, now: datetime) -> Report | None:
        """Return what a judgement adds to what was told; None for nothing."""
        key, at = (device, judgement.kind), judgement.at or now
        if judgement.momentary:
            return Report(at=at, started=at, is_new=True)
        episode = self.going_on.get(key)
        if episode is not None and now - episode.heard > OVER_AFTER:
            del self.going_on[key]
            episode = None
        if not judgement.active:
            if episode is None:
                return None
            del self.going_on[key]
            return Report(at=at, started=episode.started, is_new=False, ended=True)
        if episode is None:
            self.going_on[key] = Episode(started=at, heard=now, told=now)
            return Report(at=at, started=at, is_new=True)
        episode.heard = now
        if now - episode.told < TOLD_EVERY:
            return None
        episode.told = now
        return Report(at=at, started=episode.started, is_new=False)


def finding_of(vendor: str, device: str, label: str, judgement: Judgement, report: Report) -> Outgoing:
    """Return the message that tells what a camera concluded; `detector` says that the vendor judged."""
    body: dict[str, Any] = {
        "id": f"{vendor} {judgement.kind} {report.started.isoformat()}",
        "t": report.at.timestamp(),
        "label": label,
        "confidence": CONFIDENCE,
        "t_start": report.started.timestamp(),
        "detector": f"vendor:{vendor}/{judgement.kind}",
    }
    if report.ended:
        body["t_end"] = report.at.timestamp()
    pictures = [picture for picture in judgement.pictures if _size_wh(picture)][:MOST_PICTURES]
    if pictures:
        body["evidence"] = [
            {"type": "image/jpeg", "base64": base64.b64encode(picture).decode()} for picture in pictures
        ]
        if judgement.box is not None:
            width, height = _size_wh(pictures[0]) or (0, 0)
            left, top, right, bottom = judgement.box
            body["box_xyxy"] = [left * width, top * height, right * width, bottom * height]
    return Outgoing(topic=topic_of(device, "finding"), payload=msgspec.json.encode(body))


def _size_wh(picture: bytes) -> tuple[int, int] | None:
    """Return a JPEG's size; None for what is none: the finding goes without it."""
    try:
        header = read_header(picture, max_pixels=MOST_PIXELS)
    except UnreadableMedia:
        return None
    return header.size_wh if header.format == "jpeg" else None
