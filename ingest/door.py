"""The broker's door: who may come in is written for it, who may not any more is put out, misuse is named.

Mosquitto 2.0 reads passwords, access list and revoked certificates again on SIGHUP, whatever number of
changes they hold, and ends the connections of passwords that are none any more. It lets a certificate that
was revoked stay connected: that is put out through the dynamic security plugin, which ends the connections
of a user that it is told to disable. It also refuses devices what they may not subscribe to, which the access
list would grant and never deliver; each device costs the broker a moment there, so they come one by one.
"""

import asyncio
import json
import logging
import signal
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import psutil

from gridwatch.broker_address import BrokerAddress
from gridwatch.broker_config import DEVICE, KEEPER, PID, PUT_OUT, own_users, write_users, written_users
from gridwatch.errors import StoreError
from gridwatch.model import Severity
from gridwatch.private_ca import REVOKED, PrivateCa, write_private
from gridwatch.store import Store
from gridwatch.store.broker import What, misuse, write_incident
from gridwatch.store.credentials import (
    BrokerUser,
    broker_users,
    end_ended,
    received_by_device,
    revoked_serials,
)
from gridwatch.store.misuse import raise_misuse
from ingest.misuse import Floods, may_read, subscribed, taken_over

log = logging.getLogger(__name__)
PAHO_LOG = logging.getLogger(f"{__name__}.paho")
PAHO_LOG.setLevel(logging.CRITICAL)

CHANNEL = "gridwatch_access"
LOOK_S = 1.0
"""How often credentials are ended whose time is over, and the least between two readings of the broker."""
AGAIN_S = 2.0

OUT_S = 60.0
"""How long a device that floods stays out."""
TRESPASSES = 20
"""After so many a device is put out: each costs the broker work with every message."""

REST_SHARE = 20.0
"""The broker rests so much longer than it took to take a device up, which is 0.1 s with 10,000 of them."""

BOUND_IN_A_ROW = 50
"""Then it is seen anew who is there."""

TURNS, TURNS_WITHIN_S = 3, 600.0
"""So often in so long a connection is taken over where two use the same credential."""

CONTROL = "$CONTROL/dynamic-security/v1"
ANSWERS = f"{CONTROL}/response"
LOG = "$SYS/broker/log/#"
SUBSCRIPTIONS = "$SYS/broker/log/M/subscribe"
TAKEN_IN = "$SYS/broker/publish/messages/received"


class Door:
    """Keeps the files in `folder`, and the broker that reads them, as the database says."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        ca: PrivateCa,
        address: BrokerAddress,
        *,
        most_per_s: float,
        extra_alarms: Mapping[str, Severity],
    ) -> None:
        self._store = store
        self._folder = folder
        self._ca = ca
        self._address = address
        self._users: Mapping[str, BrokerUser] = {}
        self._gone: asyncio.Queue[str] = asyncio.Queue()
        self._floods = Floods(most_per_s)
        self._extra_alarms = extra_alarms
        self._taken_over: dict[str, deque[float]] = {}
        self._taken = (0, time.monotonic())
        self._trespasses: Counter[str] = Counter()
        self._bound: set[str] = set()
        self._listed = asyncio.Event()

    async def keep(self) -> None:
        """Keep the door for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(), name="credentials")
            tasks.create_task(self._stand_at_the_broker(), name="broker")

    async def _follow(self) -> None:
        while True:
            try:
                await self.write()
                unsure = True
                async for told in self._store.listen(CHANNEL, wait_s=LOOK_S):
                    if (told is not None or await end_ended(self._store)) and await self.write():
                        unsure = True
                        await asyncio.sleep(LOOK_S)
                    elif told is None and unsure:
                        # Mosquitto forgets a SIGHUP that comes while it obeys another.
                        read_again(self._folder)
                        unsure = False
            except StoreError as error:
                log.warning("who may connect stays as it is, the database is away: %s", error)
            await asyncio.sleep(AGAIN_S)

    async def write(self) -> bool:
        """Write who may connect now; tell whether that changed, and let the broker know where it did."""
        users = await broker_users(self._store)
        serials = await revoked_serials(self._store)
        before = written_users(self._folder)
        self._users = {user.username: user for user in users}
        changed = await asyncio.to_thread(write_users, self._folder, users)
        revoked = await asyncio.to_thread(self._write_revoked, serials)
        if changed or revoked:
            read_again(self._folder)
            log.info("%d credentials are good", len(users))
        for name in before - self._users.keys():
            self._gone.put_nowait(name)
        return changed or revoked

    def _write_revoked(self, serials: Sequence[str]) -> bool:
        """Let the broker's list hold the certificates that were taken back; tell whether any is new."""
        if not self._ca.exists:
            return False
        self._ca.revoke(serials)
        listed = self._ca.revoked_list.read_bytes()
        if (self._folder / REVOKED).read_bytes() == listed:
            return False
        write_private(self._folder / REVOKED, listed)
        return True

    async def _stand_at_the_broker(self) -> None:
        while True:
            try:
                await self._stand()
            except* aiomqtt.MqttError as group:
                log.debug("the broker is away: %s", group.exceptions[0])
            except* StoreError as group:
                log.warning("what happens at the broker is not written down: %s", group.exceptions[0])
            await asyncio.sleep(AGAIN_S)

    async def _stand(self) -> None:
        async with (
            aiomqtt.Client(
                self._address.host,
                self._address.port,
                username=KEEPER,
                password=own_users(self._folder)[KEEPER].secret,
                logger=PAHO_LOG,
            ) as client,
            asyncio.TaskGroup() as tasks,
        ):
            self._bound.clear()
            self._listed.clear()
            await client.subscribe([(topic, 0) for topic in (LOG, TAKEN_IN, ANSWERS)])
            await tell(client, {"command": "listClients", "verbose": True})
            tasks.create_task(self._put_out_gone(client), name="put out")
            tasks.create_task(self._bind(client), name="bind devices")
            async for message in client.messages:
                text = bytes(message.payload or b"").decode(errors="replace")
                for name in await self._hear(str(message.topic), text, client):
                    tasks.create_task(self._put_out(client, name, OUT_S), name=f"{name} stays out")
            raise aiomqtt.MqttError("the connection ended")

    async def _put_out_gone(self, client: aiomqtt.Client) -> None:
        while True:
            name = await self._gone.get()
            await self._put_out(client, name, 0)

    async def _put_out(self, client: aiomqtt.Client, name: str, seconds: float) -> None:
        """End a user's connections, and let nobody come in under its name for a while."""
        await tell(
            client,
            {"command": "createClient", "username": name},
            {"command": "addClientRole", "username": name, "rolename": PUT_OUT, "priority": 1},
            {"command": "disableClient", "username": name},
        )
        await asyncio.sleep(seconds)
        await tell(client, {"command": "deleteClient", "username": name})
        self._bound.discard(name)

    async def _bind(self, client: aiomqtt.Client) -> None:
        """Let the plugin refuse devices what they may not subscribe to, but for those with foreign topics."""
        await self._listed.wait()
        while True:
            devices = {name for name, user in self._users.items() if not user.topics}
            for name in sorted((self._bound & self._users.keys()) - devices):
                await tell(client, {"command": "deleteClient", "username": name})
                self._bound.discard(name)
            for name in sorted(devices - self._bound)[:BOUND_IN_A_ROW]:
                began = time.monotonic()
                roles = [{"rolename": DEVICE}]
                await tell(client, {"command": "createClient", "username": name, "roles": roles})
                self._bound.add(name)
                await asyncio.sleep(REST_SHARE * (time.monotonic() - began))
            await asyncio.sleep(LOOK_S)

    async def _take_list(self, client: aiomqtt.Client, text: str) -> None:
        """Take over what the plugin knows of devices; whom another doorkeeper put out comes in again."""
        for name, well in _listed(text).items():
            if well and name in self._users:
                self._bound.add(name)
            else:
                await tell(client, {"command": "deleteClient", "username": name})

    async def _hear(self, topic: str, text: str, client: aiomqtt.Client) -> list[str]:
        """Take what the broker says; return who is to be put out."""
        match topic:
            case "$CONTROL/dynamic-security/v1/response":
                if '"listClients"' in text:
                    await self._take_list(client, text)
                    self._listed.set()
            case "$SYS/broker/publish/messages/received":
                return await self._look_for_floods(int(text))
            case "$SYS/broker/log/M/subscribe":
                return await self._hear_subscription(text)
            case _:
                user = self._users.get(taken_over(text) or "")
                if user is not None:
                    await self._name(What.TAKEN_OVER, user)
        return []

    async def _hear_subscription(self, text: str) -> list[str]:
        name, topic = subscribed(text) or ("", "")
        user = self._users.get(name)
        if user is None or may_read(user, topic):
            return []
        await self._name(What.TRESPASSED, user)
        self._trespasses[name] += 1
        if self._trespasses[name] < TRESPASSES:
            return []
        del self._trespasses[name]
        return [name]

    async def _look_for_floods(self, taken: int) -> list[str]:
        (before, at), now = self._taken, time.monotonic()
        self._taken = taken, now
        if taken - before < self._floods.most_per_s * (now - at):
            self._floods.calm()
            return []
        received = await received_by_device(self._store)
        counts = {key: count for key, (_, count) in received.items()}
        floods = self._floods.count(counts, taken=taken - before, seconds=now - at)
        out = []
        for device in (received[key][0] for key in floods):
            for user in self._speakers(device):
                await self._name(What.FLOODED, user)
                out.append(user.username)
        return out

    def _speakers(self, device: str) -> list[BrokerUser]:
        """Return who sends what comes as a device's: itself, or else the gateways that speak for it."""
        own = [user for user in self._users.values() if user.device == device]
        return own or [user for user in self._users.values() if device in user.others]

    async def _name(self, what: What, user: BrokerUser) -> None:
        """Write down what somebody did, and raise an alert of it."""
        log.warning("%s: %s", user.username, what)
        now = datetime.now(UTC)
        await write_incident(self._store, misuse(now, what, user.username))
        if what is not What.TAKEN_OVER or self._is_shared(user.username):
            await raise_misuse(self._store, what, user.device, self._extra_alarms, now=now)

    def _is_shared(self, name: str) -> bool:
        """Say whether a connection was taken over too often for a bad line: two that share take turns."""
        times = self._taken_over.setdefault(name, deque(maxlen=TURNS))
        times.append(time.monotonic())
        return len(times) == TURNS and times[-1] - times[0] < TURNS_WITHIN_S


def read_again(folder: Path) -> None:
    """Let the broker of `folder` read its files again; one that does not run reads them at its start."""
    try:
        process = psutil.Process(int((folder / PID).read_text()))
        if process.name() == "mosquitto":
            process.send_signal(signal.SIGHUP)
    except (OSError, ValueError, psutil.Error) as error:
        log.debug("no broker to tell: %s", error)


async def tell(client: aiomqtt.Client, *commands: Mapping[str, object]) -> None:
    """Send commands to the dynamic security plugin."""
    await client.publish(CONTROL, json.dumps({"commands": commands}), 1)


def _listed(text: str) -> dict[str, bool]:
    """Return the users that the plugin knows, ours left out, and whether each may come in."""
    try:
        answers = json.loads(text)["responses"]
        listed = [answer["data"]["clients"] for answer in answers if answer["command"] == "listClients"]
        known = {one["username"]: not one.get("disabled") for clients in listed for one in clients}
    except (ValueError, KeyError, TypeError):
        return {}
    return {name: well for name, well in known.items() if not name.startswith("~")}
