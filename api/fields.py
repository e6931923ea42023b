"""Fields of requests as types that cannot be wrong; what they refuse, they refuse with a reason."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from gridwatch.model import check_device_id, check_label, check_time
from gridwatch.scenes import SCENES

LARGEST_ID = 2**63 - 1
"""What a bigint holds."""

UNESCAPED_OFFSET = re.compile(r" (\d\d:?\d\d)$")
"""What becomes of the plus sign of an offset that was not escaped in a query."""


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


def _with_offset(value: Any) -> Any:
    return UNESCAPED_OFFSET.sub(r"+\1", value) if isinstance(value, str) else value


DeviceId = Annotated[str, AfterValidator(check_device_id)]
SceneName = Annotated[str, AfterValidator(known_scene)]
Label = Annotated[str, AfterValidator(check_label)]
Text = Annotated[str, Field(max_length=200), AfterValidator(plain_text)]
Json = Annotated[Mapping[str, Any], AfterValidator(plain_json)]
Moment = Annotated[AwareDatetime, BeforeValidator(_with_offset), AfterValidator(check_time)]
AlertId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Since = Annotated[Moment | None, Query(alias="from", description="RFC 3339, with an offset; inclusive")]
Until = Annotated[Moment | None, Query(alias="to", description="RFC 3339, with an offset; exclusive")]


def link_next(request: Request, response: Response, **cursor: object) -> None:
    """Say in the `Link` header (RFC 8288) where the next page is."""
    url = request.url.include_query_params(**cursor)
    response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'


NEXT_PAGE: dict[str, Any] = {
    "headers": {
        "Link": {"description": 'the next page, rel="next", where there is one', "schema": {"type": "string"}}
    }
}
