"""Fields of requests as types that cannot be wrong; what they refuse, they refuse with a reason."""

import re
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from gridwatch.model import check_time
from gridwatch.registration.fields import DeviceId, DeviceLabel, Json, Label, SceneName, Text

__all__ = ["DeviceId", "DeviceLabel", "Json", "Label", "SceneName", "Text"]

LARGEST_ID = 2**63 - 1
"""What a bigint holds."""

UNESCAPED_OFFSET = re.compile(r" (\d\d:?\d\d)$")
"""What becomes of the plus sign of an offset that was not escaped in a query."""


def _with_offset(value: Any) -> Any:
    return UNESCAPED_OFFSET.sub(r"+\1", value) if isinstance(value, str) else value


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
