"""Figures: how soon people answer, how many alerts there are and where, and which devices cry wolf."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from api.csv_files import CSV, csv_answer
from api.fields import Since, Until
from api.office import TheOffice
from api.problems import documented
from gridwatch.false_alarms import Verdict, verdicts
from gridwatch.store.alarms import AlarmsBy, alarm_counts, alarms_of_devices
from gridwatch.store.answering import By, answering_figures

router = APIRouter(prefix="/api/v1", tags=["figures"])

Simulated = Annotated[bool, Query(description="of simulated alerts, in place of real ones")]


class FiguresAnswer(BaseModel):
    """How soon alerts were answered; times in seconds, null where there is none."""

    code: str = Field(description="an account or number at work, or an area")
    name: str
    drill: bool
    alerts: int
    answered: int
    taken: int
    arrived: int
    done: int
    false_alarms: int
    returned: int
    reopened: int
    response_p50_s: float | None = Field(description="raised to taken")
    response_p90_s: float | None
    way_p50_s: float | None = Field(description="taken to there")
    handling_p50_s: float | None = Field(description="taken to resolved")
    handling_p90_s: float | None


class AlarmCount(BaseModel):
    """How many real alerts were raised in a time; `judged`: ended by people."""

    key: str = Field(description="a scene, label, day, hour or area; empty where an alert has none")
    name: str = Field(description="of an area")
    scene: str
    alerts: int
    judged: int
    false_alarms: int


class DeviceFigures(BaseModel):
    """A device that raised alerts, and whether it is to be mended for its false ones.

    Proposed where people judged 5 of its alerts or more, and its share is surely (Wilson, 95 %) above that of
    all other devices of its scene.
    """

    device: str
    name: str
    area: str | None
    area_name: str
    scene: str
    kind: str
    alerts: int
    judged: int
    false_alarms: int
    last_false_at: AwareDatetime | None
    share: float | None = Field(description="false of judged")
    share_least: float
    share_most: float
    fleet_share: float | None = Field(description="of all other devices of its scene")
    mend: bool

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """Make it from what the domain knows."""
        one = verdict.judged
        return cls(
            device=one.device,
            name=one.name,
            area=one.area,
            area_name=one.area_name,
            scene=one.scene,
            kind=one.kind,
            alerts=one.alerts,
            judged=one.judged,
            false_alarms=one.false_alarms,
            last_false_at=one.last_false_at,
            share=verdict.share,
            share_least=verdict.least,
            share_most=verdict.most,
            fleet_share=verdict.others,
            mend=verdict.mend,
        )


@router.get("/figures", responses=documented(401, 403, 422, 503), response_model=list[FiguresAnswer])
async def figures(
    office: TheOffice,
    by: By = By.WORKER,
    since: Since = None,
    until: Until = None,
    simulated: Simulated = False,
) -> Any:
    """Return response and handling times from the timelines of alerts raised in a time; drills apart."""
    return await answering_figures(office.store, by, since=since, until=until, simulated=simulated)


@router.get("/figures.csv", response_class=Response, responses={**CSV, **documented(401, 403, 422, 503)})
async def figures_csv(
    office: TheOffice,
    by: By = By.WORKER,
    since: Since = None,
    until: Until = None,
    simulated: Simulated = False,
) -> Response:
    """Return the same as a file for spreadsheets."""
    rows = await answering_figures(office.store, by, since=since, until=until, simulated=simulated)
    return csv_answer(FiguresAnswer.model_fields, rows, name=f"figures-{by}")


@router.get("/figures/alerts", responses=documented(401, 403, 422, 503), response_model=list[AlarmCount])
async def alerts(
    office: TheOffice,
    by: AlarmsBy = AlarmsBy.SCENE,
    since: Since = None,
    until: Until = None,
    simulated: Simulated = False,
) -> Any:
    """Return how many real alerts were raised in a time; days and hours are those of China."""
    return await alarm_counts(office.store, by, since=since, until=until, simulated=simulated)


@router.get(
    "/figures/alerts.csv", response_class=Response, responses={**CSV, **documented(401, 403, 422, 503)}
)
async def alerts_csv(
    office: TheOffice,
    by: AlarmsBy = AlarmsBy.SCENE,
    since: Since = None,
    until: Until = None,
    simulated: Simulated = False,
) -> Response:
    """Return the same as a file for spreadsheets."""
    rows = await alarm_counts(office.store, by, since=since, until=until, simulated=simulated)
    return csv_answer(AlarmCount.model_fields, rows, name=f"alerts-{by}")


@router.get("/figures/devices", responses=documented(401, 403, 422, 503))
async def devices(
    office: TheOffice, since: Since = None, until: Until = None, simulated: Simulated = False
) -> list[DeviceFigures]:
    """Return the devices that raised alerts in a time: those to mend for false alarms first."""
    found = await alarms_of_devices(office.store, since=since, until=until, simulated=simulated)
    return [DeviceFigures.of(one) for one in verdicts(found)]


@router.get(
    "/figures/devices.csv", response_class=Response, responses={**CSV, **documented(401, 403, 422, 503)}
)
async def devices_csv(
    office: TheOffice, since: Since = None, until: Until = None, simulated: Simulated = False
) -> Response:
    """Return the same as a file for spreadsheets."""
    rows = [one.model_dump() for one in await devices(office, since, until, simulated)]
    return csv_answer(DeviceFigures.model_fields, rows, name="false-alarms")
