"""The devices in Mosquitto's dynamic security plugin, which refuses them what they may not subscribe to.

The access list would grant every subscription and deliver nothing. Each command costs the broker a moment in
which it does nothing else: with 10,000 devices its plugin writes them all down, with every one.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

import aiomqtt

from gridwatch.broker_config import DEVICE, PUT_OUT
from gridwatch.store.credentials import BrokerUser

CONTROL = "$CONTROL/dynamic-security/v1"
ANSWERS = f"{CONTROL}/response"

ENTERED_FIRST = 50
"""So many new devices are entered before they are let in; more would keep them waiting."""
ENTERED_WITHIN_S = 3.0

REST_SHARE = 1.0
"""The broker rests so much longer than it took to enter a device."""
IN_A_ROW = 50
"""Then it is seen anew who is there."""
LOOK_S = 1.0

Command = Mapping[str, object]


class Plugin:
    """Enters devices over one connection; `users` returns who may come in, by name."""

    def __init__(self, client: aiomqtt.Client, users: Callable[[], Mapping[str, BrokerUser]]) -> None:
        self._client = client
        self._users = users
        self._entered: set[str] = set()
        self._came: dict[str, None] = {}
        self._listed = asyncio.Event()

    async def ask(self) -> None:
        """Ask whom it knows."""
        await self._tell({"command": "listClients", "verbose": True})

    async def hear(self, answer: str) -> None:
        """Take over whom it knows; whom another doorkeeper put out comes in again."""
        if '"listClients"' not in answer:
            return
        for name, well in _listed(answer).items():
            if well and name in self._users():
                self._entered.add(name)
            else:
                await self._tell(_forget(name))
        self._listed.set()

    def knows(self, name: str) -> bool:
        """Say whether a device is entered."""
        return name in self._entered

    def note(self, name: str) -> None:
        """Take it that somebody connected: it is entered before those who did not."""
        if name in self._users() and name not in self._entered:
            self._came[name] = None

    async def enter_first(self, names: Iterable[str]) -> None:
        """Enter a few new devices that are not let in yet. Raises aiomqtt.MqttError."""
        users = self._users()
        new = [name for name in names if not users[name].topics]
        if len(new) > ENTERED_FIRST or not self._listed.is_set():
            return
        async with asyncio.timeout(ENTERED_WITHIN_S):
            for name in new:
                await self._enter(name)

    async def keep(self) -> None:
        """Enter all devices but those with foreign topics, one by one, and forget those that are gone."""
        await self._listed.wait()
        while True:
            devices = {name for name, user in self._users().items() if not user.topics}
            for name in sorted(self._entered - devices)[:IN_A_ROW]:
                await self._with_rest(self.leave(name))
            missing = devices - self._entered
            came, self._came = self._came, {}
            first = [name for name in came if name in missing]
            for name in [*first, *sorted(missing - came.keys())][:IN_A_ROW]:
                await self._with_rest(self._enter(name))
                if self._came:
                    break
            if not missing:
                await asyncio.sleep(LOOK_S)

    async def put_out(self, name: str, seconds: float) -> None:
        """End a user's connections, and let nobody come in under its name for a while."""
        await self._tell(
            {"command": "createClient", "username": name},
            {"command": "addClientRole", "username": name, "rolename": PUT_OUT, "priority": 1},
            {"command": "disableClient", "username": name},
        )
        self._entered.add(name)
        await asyncio.sleep(seconds)
        await self.leave(name)

    async def send_back(self, name: str) -> None:
        """Enter a device and end its connections: what it was granted is refused when it comes again."""
        await self._tell(
            _entry(name),
            {"command": "disableClient", "username": name},
            {"command": "enableClient", "username": name},
        )
        self._entered.add(name)

    async def leave(self, name: str) -> None:
        """Forget a user, which ends its connections; a device is entered anew at once."""
        user = self._users().get(name)
        if user is None or user.topics:
            await self._tell(_forget(name))
            self._entered.discard(name)
        else:
            await self._tell(_forget(name), _entry(name))
            self._entered.add(name)

    async def _enter(self, name: str) -> None:
        await self._tell(_entry(name))
        self._entered.add(name)

    async def _with_rest(self, work: Awaitable[None]) -> None:
        began = time.monotonic()
        await work
        await asyncio.sleep(REST_SHARE * (time.monotonic() - began))

    async def _tell(self, *commands: Command) -> None:
        """Return when the commands are obeyed."""
        await self._client.publish(CONTROL, json.dumps({"commands": commands}), 1)


def _entry(name: str) -> Command:
    return {"command": "createClient", "username": name, "roles": [{"rolename": DEVICE}]}


def _forget(name: str) -> Command:
    return {"command": "deleteClient", "username": name}


def _listed(text: str) -> dict[str, bool]:
    """Return the users that the plugin knows, ours left out, and whether each may come in."""
    try:
        answers = json.loads(text)["responses"]
        listed = [answer["data"]["clients"] for answer in answers if answer["command"] == "listClients"]
        known = {one["username"]: not one.get("disabled") for clients in listed for one in clients}
    except (ValueError, KeyError, TypeError):
        return {}
    return {name: well for name, well in known.items() if not name.startswith("~")}
