"""What an installation keeps and for how long, and how the services that it sends by are doing."""

from collections.abc import Mapping
from typing import Self

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from api.office import TheOffice
from api.problems import documented
from gridwatch.settings import KEEP_DAYS, Settings
from gridwatch.store.channels import list_services
from gridwatch.store.condition import fills

router = APIRouter(prefix="/api/v1", tags=["installation"])


class FillAnswer(BaseModel):
    """How full a store was when it was last measured; at a share of 1 the oldest goes."""

    count: int
    bytes: int
    share: float
    measured_at: AwareDatetime


class KeepingAnswer(BaseModel):
    """For how long what is kept, and how full the stores are; changed in the settings of the server."""

    days: Mapping[str, float] = Field(description="by setting, and for evidence by its class")
    quota_gb: Mapping[str, float]
    fills: Mapping[str, FillAnswer]

    @classmethod
    async def of(cls, office: TheOffice) -> Self:
        """Make it from the settings and what was measured."""
        settings = office.settings
        measured = {
            name: FillAnswer(
                count=fill.count, bytes=fill.bytes, share=fill.share, measured_at=fill.measured_at
            )
            for name, fill in (await fills(office.store)).items()
        }
        quota = {
            "evidence_quota_gb": settings.evidence_quota_gb,
            "quarantine_gb": settings.quarantine_gb,
        }
        return cls(days=kept_days(settings), quota_gb=quota, fills=measured)


def kept_days(settings: Settings) -> dict[str, float]:
    """Return for how many days each class of data is kept, by the setting that says so."""
    evidence = {**KEEP_DAYS, **settings.keep_evidence}
    return {
        "keep_readings_days": settings.keep_readings_days,
        "keep_aggregates_days": settings.keep_aggregates_days,
        "quarantine_days": settings.quarantine_days,
        **{f"keep_evidence.{name}": days for name, days in evidence.items()},
    }


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


@router.get("/services", responses=documented(401, 503))
async def services(office: TheOffice) -> list[ServiceAnswer]:
    """Return how the services that people are called by are doing."""
    return [
        ServiceAnswer.model_validate(one, from_attributes=True) for one in await list_services(office.store)
    ]
