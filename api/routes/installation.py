"""What an installation keeps and for how long, how its services are doing, and who changed what."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.fields import LARGEST_ID, Text
from api.office import TheOffice, ThePerson
from api.problems import documented
from api.trying import try_service
from gridwatch.kept import NAMES, QUOTAS, checked
from gridwatch.store.channels import list_services
from gridwatch.store.condition import fills
from gridwatch.store.kept import changed_kept, drop_kept, kept_now, put_kept
from gridwatch.store.trail import What, list_trail

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
