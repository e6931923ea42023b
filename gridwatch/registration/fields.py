"""Fields that people fill in as types that cannot be wrong; what they refuse, they refuse with a reason."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, ValidationError

from gridwatch.model import check_device_id, check_device_label, check_label, check_playback_url, check_time
from gridwatch.scenes import SCENES


def known_scene(scene: str) -> str:
    """Return `scene`; raise ValueError that names the scenes there are."""
    if scene not in SCENES:
        raise ValueError(f"no scene {scene[:80]!r}; there are: {', '.join(SCENES)}")
    return scene


def plain_text(text: str) -> str:
    """Return `text`; raise ValueError where the database could not hold it."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a character that no text has (NUL, or half of a pair)")
    return text


def plain_json(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `value`; raise ValueError where JSON in the database could not hold it."""
    plain_text(json.dumps(value, ensure_ascii=False, allow_nan=False))
    if "\\u0000" in json.dumps(value):
        raise ValueError("holds a character that no text has (NUL)")
    return value


def sentence(error: ValidationError) -> str:
    """Return all that is wrong with the fields of one device."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())


DeviceId = Annotated[str, AfterValidator(check_device_id)]
SceneName = Annotated[str, AfterValidator(known_scene)]
Label = Annotated[str, AfterValidator(check_label)]
DeviceLabel = Annotated[str, AfterValidator(plain_text), AfterValidator(check_device_label)]
PlaybackUrl = Annotated[str, AfterValidator(plain_text), AfterValidator(check_playback_url)]
Text = Annotated[str, AfterValidator(str.strip), Field(max_length=200), AfterValidator(plain_text)]
"""Blanks around it are nobody's intention, and tables lose them."""

Json = Annotated[Mapping[str, Any], AfterValidator(plain_json)]
Moment = Annotated[AwareDatetime, AfterValidator(check_time)]
