"""What an installation keeps and for how long, how its services are doing, and who changed what."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import APIRouter, Body, Path, Query, Request, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.csv_files import CSV
from api.fields import LARGEST_ID, Text
from api.office import Office, TheOffice, ThePerson
from api.problems import documented
from api.reports_address import callback_address
from api.trying import try_service
from gridwatch.channel_files import read_lines, write_lines
from gridwatch.kept import NAMES, QUOTAS, checked
from gridwatch.lines import EXCEL_MARK, text_of
from gridwatch.services import checked_service, kind_of
from gridwatch.store.channels import (
    delete_service,
    list_channels,
    list_services,
    put_service,
    replace_channels,
)
from gridwatch.store.condition import fills
from gridwatch.store.kept import changed_kept, drop_kept, kept_now, put_kept
from gridwatch.store.trail import What, list_trail
from gridwatch.strongbox import Strongbox

router = APIRouter(prefix="/api/v1", tags=["installation"])


class FillAnswer(BaseModel):
    """How full a store was when it was last measured; at a share of 1 the oldest goes."""

    count: int
    bytes: int
    share: float
    measured_at: AwareDatetime


class KeepingAnswer(BaseModel):
    """For how long what is kept, and how full the stores are."""

    days: Mapping[str, float] = Field(description="by setting, and for evidence by its class")
    quota_gb: Mapping[str, float]
    changed_by: Mapping[str, str] = Field(description="what does not stand as the server's settings have it")
    fills: Mapping[str, FillAnswer]

    @classmethod
    async def of(cls, office: TheOffice) -> Self:
        """Make it from what counts and what was measured."""
        kept = await kept_now(office.store, office.settings)
        measured = {
            name: FillAnswer(
                count=fill.count, bytes=fill.bytes, share=fill.share, measured_at=fill.measured_at
            )
            for name, fill in (await fills(office.store)).items()
        }
        return cls(
            days={name: kept[name] for name in NAMES if name not in QUOTAS},
            quota_gb={name: kept[name] for name in QUOTAS},
            changed_by={row["name"]: row["changed_by"] for row in await changed_kept(office.store)},
            fills=measured,
        )


class KeptBody(BaseModel):
    """For how many days something is to be kept, or how many GB of it."""

    model_config = ConfigDict(extra="forbid")

    value: float


class TrailAnswer(BaseModel):
    """One change of the installation."""

    id: int
    at: AwareDatetime
    by: str = Field(description="an account, cli: and a user of the machine, or gridwatch itself")
    what: What
    subject: str
    detail: Mapping[str, Any] = Field(description="what it was and what it is; no secrets, no telephones")


class ServiceAnswer(BaseModel):
    """How a service is doing; nothing of its secrets."""

    name: str
    kind: str
    changed_at: AwareDatetime
    failing_since: AwareDatetime | None
    bad_credential: bool
    last_error: str


@router.get("/keeping", responses=documented(401, 503))
async def keeping(office: TheOffice) -> KeepingAnswer:
    """Return for how long what is kept, and how full the stores are."""
    return await KeepingAnswer.of(office)


Kept = Annotated[Text, Path(description="as in the answer: keep_evidence.alert")]


@router.put("/keeping/{name}", responses=documented(401, 404, 422, 503))
async def put_keeping(name: Kept, body: KeptBody, office: TheOffice, person: ThePerson) -> KeepingAnswer:
    """Keep something for other days, or more or less of it; what is over is deleted within the hour."""
    await put_kept(office.store, name, checked(name, body.value), by=person.username)
    return await KeepingAnswer.of(office)


@router.delete("/keeping/{name}", responses=documented(401, 404, 422, 503))
async def drop_keeping(name: Kept, office: TheOffice, person: ThePerson) -> KeepingAnswer:
    """Let the settings of the server say it again."""
    await drop_kept(office.store, name, by=person.username)
    return await KeepingAnswer.of(office)


@router.get("/trail", responses=documented(401, 422, 503), response_model=list[TrailAnswer])
async def trail(
    office: TheOffice,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="only older ones")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Any:
    """Return who changed what, the newest first."""
    return await list_trail(office.store, before=before, limit=limit)


@router.get("/services", responses=documented(401, 503))
async def services(office: TheOffice) -> list[ServiceAnswer]:
    """Return how the services that people are called by are doing."""
    return [
        ServiceAnswer.model_validate(one, from_attributes=True) for one in await list_services(office.store)
    ]


class KeptService(BaseModel):
    """A service that was kept; its secrets are never shown again."""

    name: str
    kind: str
    callback: str = Field(
        description="where it posts what it tells later: enter it there, it may hold a secret; empty for none"
    )


class WaysImported(BaseModel):
    """How many ways to people are new, and how many there are now."""

    new: int
    total: int


@router.put("/services/{service}", responses=documented(401, 422, 503))
async def put(
    service: Text,
    office: TheOffice,
    person: ThePerson,
    response: Response,
    body: Annotated[dict[str, Any], Body(description="its JSON, whole: see docs/channels.md")],
) -> KeptService:
    """Keep an account with a service in the place of one of that name, secrets encrypted."""
    response.headers["Cache-Control"] = "no-store"
    return await keep_service(office, service, body, by=person.username)


async def keep_service(office: Office, name: str, given: Mapping[str, Any], *, by: str) -> KeptService:
    """Keep a service that somebody filled in; raise WrongFields."""
    service = checked_service(given)
    await put_service(office.store, _box(office), name, service, by=by)
    callback = await callback_address(office.store, name, service, base=office.settings.link_base)
    return KeptService(name=name, kind=kind_of(service), callback=callback)


@router.delete(
    "/services/{service}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=documented(401, 404, 422, 503),
)
async def forget(service: Text, office: TheOffice, person: ThePerson) -> None:
    """Forget a service, with all ways to people that use it."""
    await delete_service(office.store, service, by=person.username)


@router.get("/ways", response_class=Response, responses={**CSV, **documented(401, 503)})
async def export_ways(office: TheOffice) -> Response:
    """Return the ways to people as a file for the import; an address that is a secret is `***`."""
    text = EXCEL_MARK + write_lines(await list_channels(office.store, _box(office)))
    headers = {"Content-Disposition": 'attachment; filename="ways.csv"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    "/ways",
    openapi_extra={
        "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
    },
    responses=documented(401, 413, 422, 503),
)
async def import_ways(request: Request, office: TheOffice, person: ThePerson) -> WaysImported:
    """Let exactly these be the ways to people, all or none; every line that is wrong is told."""
    return await take_ways(office, await request.body(), by=person.username)


async def take_ways(office: Office, content: bytes, *, by: str) -> WaysImported:
    """Let a file say the ways to people; raise WrongLines."""
    lines = read_lines(text_of(content))
    new, total = await replace_channels(office.store, _box(office), lines, by=by)
    return WaysImported(new=new, total=total)


def _box(office: Office) -> Strongbox:
    return Strongbox(office.settings.data_dir)


class ServiceTest(BaseModel):
    """Where a test message goes."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    address: str = Field("", max_length=500, description="user id, telephone or address; empty for a robot")


class TrialAnswer(BaseModel):
    """Whether a service took a message."""

    taken: bool
    said: str = Field(description="its receipt, or why it did not take it")


@router.post("/services/{service}/test", responses=documented(401, 404, 422, 503))
async def test_service(service: Text, office: TheOffice, body: ServiceTest) -> TrialAnswer:
    """Send a test message by a service now."""
    return TrialAnswer.model_validate(await try_service(office, service, body.address), from_attributes=True)
