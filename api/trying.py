"""Trying a service: a test message goes to one address now, and it is noted whether the service took it."""

from dataclasses import dataclass

from api.channels.senders import Senders, new_client
from api.channels.sending import BadCredential, NotSent, Refused
from api.dispatch.summons import trial_message
from api.office import Office
from gridwatch.errors import NotFound
from gridwatch.store.channels import find_service, note_service
from gridwatch.strongbox import Strongbox


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """Whether a service took a message; `said` is its receipt, or why not."""

    taken: bool
    said: str


async def try_service(office: Office, name: str, address: str) -> Trial:
    """Send a test message by a service to one address (none for a robot); raise NotFound."""
    service = await find_service(office.store, Strongbox(office.settings.data_dir), name)
    if service is None:
        raise NotFound(f"no service {name!r}")
    try:
        async with new_client() as client:
            receipt = await Senders(client).send(service, address, trial_message(office.settings.link_base))
    except NotSent as error:
        # What a service will never take says nothing about the service.
        if not isinstance(error, Refused):
            bad = isinstance(error, BadCredential)
            await note_service(office.store, name, error=str(error), bad_credential=bad)
        return Trial(taken=False, said=str(error))
    await note_service(office.store, name)
    return Trial(taken=True, said=receipt)
