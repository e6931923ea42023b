"""Errors as RFC 9457 problem details, everywhere."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.reason_texts import reason_in_chinese, wrong_in_chinese
from gridwatch.errors import GridwatchError, NotAllowed, NotFound, NotPermitted, StoreUnavailable
from gridwatch.facade import CalibrationError
from gridwatch.fields import WrongFields
from gridwatch.lines import WrongLines

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER_S = 5
"""When to ask again while the database is away."""

UNION_TAGS = frozenset({"one", "several"})
"""Parts of a field's path that are ours, not the sender's."""


class WrongField(BaseModel):
    """One field that is wrong."""

    field: str = Field(description="where it is, as in body.location.lat or line 12.parent")
    why: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    detail_zh: str = Field(description="the same in Chinese, or as it is where nobody translated it")
    errors: list[WrongField] = []


def problem(
    status: int,
    detail: str,
    *,
    detail_zh: str = "",
    errors: Sequence[WrongField] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return a problem as a response."""
    content = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        detail_zh=detail_zh or reason_in_chinese(detail),
        errors=list(errors),
    )
    return JSONResponse(content.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may answer with these problems."""
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: reference}}
        for status in statuses
    }


def answer_with_problems(app: FastAPI) -> None:
    """Let every error of the app end as a problem."""
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(GridwatchError, _own_error)
    app.add_exception_handler(Exception, _unexpected)


async def _wrong_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    wrong = [
        WrongField(field=_path(one["loc"]), why=one["msg"].removeprefix("Value error, "))
        for one in error.errors()
    ]
    detail = "; ".join(f"{one.field}: {one.why}" for one in wrong)
    said = [
        wrong_in_chinese(one.get("type", ""), one.get("ctx") or {}, field.why)
        for one, field in zip(error.errors(), wrong, strict=True)
    ]
    return problem(422, detail, detail_zh=_listed(wrong, said), errors=wrong)


def _listed(wrong: Sequence[WrongField], said: Sequence[str]) -> str:
    """Return all that is wrong as one text in Chinese."""
    return "；".join(f"{one.field}：{why}" for one, why in zip(wrong, said, strict=True))


def _path(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location if part not in UNION_TAGS)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    if isinstance(error.__cause__, UnicodeDecodeError):
        why = "is not UTF-8"
        return problem(422, f"body: {why}", errors=[WrongField(field="body", why=why)])
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:
        detail = f"{detail}: {request.method} {request.url.path}"
    return problem(error.status_code, detail, headers=error.headers)


async def _own_error(_: Request, error: Exception) -> JSONResponse:
    return own_problem(error)


def own_problem(error: Exception) -> JSONResponse:
    """Return an error of ours as a problem; raise it where the caller can't help it."""
    match error:
        case WrongLines() | WrongFields() | CalibrationError():
            return _wrong_content(error)
        case NotFound():
            return problem(404, str(error))
        case NotPermitted():
            return problem(403, str(error))
        case NotAllowed():
            return problem(409, str(error))
        case StoreUnavailable():
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            return problem(503, "the database is away; try again shortly", headers=headers)
        case _:
            # It is ours to mend: the server's log has it, the caller need not know more.
            raise error


def _wrong_content(error: WrongLines | WrongFields | CalibrationError) -> JSONResponse:
    match error:
        case WrongLines():
            wrong = [WrongField(field=one.where, why=one.why) for one in error.lines]
            return problem(422, error.summary, errors=wrong)
        case WrongFields():
            wrong = [WrongField(field=f"body.{one.field}".rstrip("."), why=one.why) for one in error.fields]
            said = [wrong_in_chinese(one.kind, one.limits, one.why) for one in error.fields]
            return problem(422, str(error), detail_zh=_listed(wrong, said), errors=wrong)
        case CalibrationError():
            wrong = [WrongField(field="body.landmarks", why=str(error))]
    return problem(422, str(error), errors=wrong)


async def _unexpected(_: Request, __: Exception) -> JSONResponse:
    return problem(500, "the server failed; its log says why")
