"""What people ask of devices, and what became of it."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from api.fields import LARGEST_ID, NEXT_PAGE, link_next
from api.office import TheOffice, ThePerson
from api.problems import documented
from gridwatch.commands import CommandState, Order
from gridwatch.registration.fields import DeviceId, Json, Label, Text
from gridwatch.store.commands import Command, add_command, command_changes, get_command, list_commands
from gridwatch.store.devices import get_device

router = APIRouter(prefix="/api/v1/devices", tags=["commands"])


class OrderBody(BaseModel):
    """What is asked of a device."""

    model_config = ConfigDict(extra="forbid")

    action: Label = Field(description="hold_open, release, speak, or what else the device knows")
    params: Json = Field({}, description="for speak: text, and lang where it matters")
    ttl_s: float | None = Field(
        None,
        description="seconds after which nobody obeys any more; 60, and for hold_open 3, which is the most",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.order()
        return self

    def order(self) -> Order:
        """Return it as the domain's order."""
        return Order.of(self.action, self.params, self.ttl_s)


class CommandAnswer(BaseModel):
    """A command and where it stands; `late` marks an answer that came after `expires_at`."""

    id: str
    device: str
    seq: int
    action: str
    params: dict[str, Any]
    state: CommandState
    created_at: AwareDatetime
    created_by: str
    expires_at: AwareDatetime
    attempts: int
    sent_at: AwareDatetime | None
    answered_at: AwareDatetime | None
    detail: str | None = Field(description="the device's answer in words")
    late: bool

    @classmethod
    def of(cls, command: Command) -> Self:
        """Make it from what the store knows."""
        return cls.model_validate(command, from_attributes=True)


class CommandChangeAnswer(BaseModel):
    """One thing that happened to a command; `actor` is null where no person did it."""

    changed_at: AwareDatetime
    change: str
    actor: str | None
    detail: str


class CommandWithHistory(CommandAnswer):
    """A command, and all that happened to it, the oldest first."""

    history: list[CommandChangeAnswer] = []


@router.post(
    "/{device}/commands",
    status_code=status.HTTP_201_CREATED,
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def ask(
    device: DeviceId, body: OrderBody, response: Response, office: TheOffice, person: ThePerson
) -> CommandAnswer:
    """Ask something of a device; a device that is away gets it when it returns, if there is time left."""
    command = await add_command(office.store, device, body.order(), actor=person.username)
    response.headers["Location"] = f"/api/v1/devices/{device}/commands/{command.id}"
    return CommandAnswer.of(command)


@router.get("/{device}/commands", responses={200: NEXT_PAGE, **documented(401, 404, 422, 503)})
async def commands(
    *,
    device: DeviceId,
    request: Request,
    response: Response,
    office: TheOffice,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="seq of the last one seen")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[CommandAnswer]:
    """Return a page of a device's commands, the newest first."""
    await get_device(office.store, device)
    found = await list_commands(office.store, device, before=before, limit=limit)
    if len(found) == limit:
        link_next(request, response, before=found[-1].seq)
    return [CommandAnswer.of(command) for command in found]


@router.get("/{device}/commands/{command}", responses=documented(401, 404, 422, 503))
async def command(device: DeviceId, command: Text, office: TheOffice) -> CommandWithHistory:
    """Return one command with its history."""
    found = CommandWithHistory.of(await get_command(office.store, device, command))
    changes = await command_changes(office.store, command)
    found.history = [CommandChangeAnswer.model_validate(one, from_attributes=True) for one in changes]
    return found
