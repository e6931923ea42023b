"""How long people have until the next are called: shown with where it comes from, and changed."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.fields import Text
from api.office import TheOffice, ThePerson
from api.problems import documented
from gridwatch.escalation.times import USUAL, Times, made_times, read_times
from gridwatch.store.escalation import changed_times, drop_times, put_times

router = APIRouter(prefix="/api/v1/escalation", tags=["alerts"])

Name = Annotated[Text, Path(description="critical, major or minor, or scene.severity")]


class TimesBody(BaseModel):
    """What is to change, in minutes; what is left out is as usual."""

    model_config = ConfigDict(extra="forbid")

    answer_min: float | None = None
    accept_min: float | None = None
    arrive_min: float | None = None
    handle_min: float | None = None
    verify_min: float | None = None
    close_min: float | None = None
    again_min: float | None = None
    again_most_min: float | None = None
    at_once: int | None = None
    working: bool | None = None


class TimesAnswer(BaseModel):
    """The times of a kind of alert; `changed_by` is null where the file or the usual ones count."""

    name: str
    times: Times
    usual: Times | None = Field(description="ours; null: those of the severity")
    changed_by: str | None
    changed_at: AwareDatetime | None

    @classmethod
    async def all_of(cls, office: TheOffice) -> list[Self]:
        """Return all times that count."""
        changed = {row["name"]: row for row in await changed_times(office.store)}
        times = {
            **read_times(office.settings.escalation),
            **{name: Times(**row["times"]) for name, row in changed.items()},
        }
        return [
            cls(
                name=name,
                times=times[name],
                usual=USUAL.get(name),
                changed_by=changed[name]["changed_by"] if name in changed else None,
                changed_at=changed[name]["changed_at"] if name in changed else None,
            )
            for name in sorted(times)
        ]


@router.get("", responses=documented(401, 503))
async def times(office: TheOffice) -> list[TimesAnswer]:
    """Return the times of each kind of alert, and who changed them."""
    return await TimesAnswer.all_of(office)


@router.put("/{name}", responses=documented(401, 422, 503))
async def put(name: Name, body: TimesBody, office: TheOffice, person: ThePerson) -> TimesAnswer:
    """Change the times of a kind of alert; they count with the next decision about one."""
    made = made_times(name, body.model_dump(exclude_none=True))
    await put_times(office.store, name, made, by=person.username)
    return next(one for one in await TimesAnswer.all_of(office) if one.name == name)


@router.delete(
    "/{name}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=documented(401, 404, 422, 503),
)
async def drop(name: Name, office: TheOffice, person: ThePerson) -> None:
    """Let a kind of alert have its former times again."""
    await drop_times(office.store, name, by=person.username)
