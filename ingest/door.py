"""The broker's door: who may come in is written for it, who may not any more is put out, misuse is named.

Mosquitto 2.0 reads passwords, access list and revoked certificates again on SIGHUP, whatever number of
changes they hold, and ends the connections of passwords that are none any more. It lets a certificate that
was revoked stay connected: that is put out through the dynamic security plugin, which ends the connections
of a user that it is told to disable. A few new devices are entered there before they are let in; of many
those come first that connect (`ingest.plugin`). Sessions that the broker could crash of when it reads again
are ended before (`ingest.sessions`).
"""

import asyncio
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from gridwatch.broker_config import certified_users, write_users, written_hashes, written_users
from gridwatch.errors import StoreError
from gridwatch.private_ca import REVOKED, PrivateCa, write_private
from gridwatch.store import Store
from gridwatch.store.credentials import (
    BrokerUser,
    broker_users,
    end_ended,
    revoked_serials,
)
from ingest.misuse import may_read, subscribed, taken_over
from ingest.plugin import ANSWERS, Plugin
from ingest.sessions import MENDED, SAVED, Saved, Sessions, came, has_the_fault, saved_sessions
from ingest.telling import age_s, end_sessions, keeper, read_again, renew_sessions, start_anew
from ingest.watchman import Watchman

log = logging.getLogger(__name__)

CHANNEL = "gridwatch_access"
LOOK_S = 1.0
"""How often credentials are ended whose time is over, and the least between two readings of the broker."""
AGAIN_S = 2.0

OUT_S = 60.0
"""How long a device that floods stays out."""
LOOKS, HEARD_WITHIN_S = 3, 0.05
"""So often it is looked for sessions in danger: others may go while some are ended; the log comes so late."""

BACK_AFTER_S = 5.0
"""So long after the broker's start it is told nothing: who was connected comes back, collectors first."""
RESTORED_FOR_S = 60.0
"""So long after it, who was not heard of is taken to be away, if the broker had saved a session of theirs."""

VERSION = "$SYS/broker/version"
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
        watchman: Watchman,
        *,
        installation: str,
        may_restart: bool = False,
    ) -> None:
        """`may_restart`: whoever runs the broker starts it again when it ends."""
        self._store = store
        self._folder = folder
        self._ca = ca
        self._address = address
        self._watchman = watchman
        # A device's client id is its name: one called so would take a collector's session.
        self._our_ids = re.compile(rf"{re.escape(installation)}-(\d+-|doctor$)")
        self._users: Mapping[str, BrokerUser] = {}
        self._to_put_out: asyncio.Queue[str] = asyncio.Queue()
        self._may_restart = may_restart
        self._plugin: Plugin | None = None
        self._sessions = Sessions()
        self._restored: frozenset[str] = frozenset()
        self._ended_again: set[str] = set()
        self._faulty = False
        self._known: set[str] = set()
        self._stale: set[str] = set()
        """Whose password or certificate of before is good no more, until the broker was told twice."""
        self._gone: dict[str, bool] = {}
        """Who was taken off the files, and whether with a certificate: those the broker leaves connected."""

    async def keep(self) -> None:
        """Keep the door for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(), name="credentials")
            tasks.create_task(self._stand_at_the_broker(), name="broker")

    async def _follow(self) -> None:
        while True:
            try:
                changed = await self.write()
                # Mosquitto forgets a SIGHUP that comes while it obeys another: it gets two.
                to_tell = 2 if changed else 1
                async for told in self._store.listen(CHANNEL, wait_s=LOOK_S):
                    if (told is not None or await end_ended(self._store)) and await self.write():
                        to_tell = 2
                    if to_tell and await self._tell_broker():
                        to_tell -= 1
                        if not to_tell:
                            self._gone.clear()
                            self._stale.clear()
                        await asyncio.sleep(LOOK_S)
            except StoreError as error:
                log.warning("who may connect stays as it is, the database is away: %s", error)
            await asyncio.sleep(AGAIN_S)

    async def write(self) -> bool:
        """Write who may connect now; tell whether that changed."""
        users = [user for user in await broker_users(self._store) if not self._is_ours(user)]
        serials = await revoked_serials(self._store)
        before, certified = written_users(self._folder), certified_users(self._folder)
        hashes = written_hashes(self._folder)
        self._users = {user.username: user for user in users}
        await self._enter_first(self._users.keys() - before)
        changed = await asyncio.to_thread(write_users, self._folder, users)
        revoked = await asyncio.to_thread(self._write_revoked, serials)
        if changed or revoked:
            log.info("%d credentials are good", len(users))
        self._known |= before | self._users.keys()
        self._gone |= {name: name in certified for name in before}
        for name in self._users:
            self._gone.pop(name, None)
        self._stale |= self._gone.keys()
        self._stale |= {user.username for user in users if hashes.get(user.username, user.hash) != user.hash}
        return changed or revoked

    def _is_ours(self, user: BrokerUser) -> bool:
        if self._our_ids.match(user.username) is None:
            return False
        log.error("%s is not let in: collectors are called so; register it under another id", user.username)
        return True

    async def _enter_first(self, new: Collection[str]) -> None:
        """Let the plugin know new devices before they come in, if it can be told."""
        if self._plugin is None:
            return
        try:
            await self._plugin.enter_first(new)
        except (aiomqtt.MqttError, TimeoutError) as error:
            log.debug("new devices are entered later: %s", error)

    async def _tell_broker(self) -> bool:
        """Let the broker read its files again, once no session can crash it; False if that is too early."""
        if age_s(self._folder) < BACK_AFTER_S:
            return False
        for _ in range(LOOKS):
            ours, theirs = self._in_danger()
            if not ours and not theirs:
                break
            await renew_sessions(self._address, self._folder, ours)
            await end_sessions(self._address, self._folder, theirs)
            for name in ours.keys() | theirs:
                self._sessions.forget(name)
            await asyncio.sleep(HEARD_WITHIN_S)
        read_again(self._folder)
        for name, certified in self._gone.items():
            if certified:
                self._to_put_out.put_nowait(name)
        return True

    def _in_danger(self) -> tuple[Mapping[str, Saved], set[str]]:
        """Return the sessions that the broker would end twice: our own, and those of devices."""
        waiting = {name: self._sessions.saved[name] for name in self._restored & self._sessions.saved.keys()}
        ours = {name: saved for name, saved in waiting.items() if saved.username.startswith("~")}
        checked = {name for name, user in self._users.items() if user.hash is not None} - self._stale
        away = self._sessions.away - checked | waiting.keys() - ours
        unheard = {name for name in self._stale if not self._sessions.is_heard(name)}
        return ours, (away | unheard) & self._known

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
        async with keeper(self._address, self._folder) as client, asyncio.TaskGroup() as tasks:
            saved = await asyncio.to_thread(saved_sessions, self._folder / SAVED)
            self._sessions = Sessions(saved=dict(saved))
            young = age_s(self._folder) < RESTORED_FOR_S
            self._restored = frozenset(saved if young else ())
            self._plugin = plugin = Plugin(client, lambda: self._users)
            await client.subscribe([(topic, 0) for topic in (LOG, TAKEN_IN, VERSION, ANSWERS)])
            await plugin.ask()
            await self._end_ended_again()
            tasks.create_task(self._put_out_gone(plugin), name="put out")
            tasks.create_task(plugin.keep(), name="enter devices")
            async for message in client.messages:
                text = bytes(message.payload or b"").decode(errors="replace")
                for name in await self._hear(str(message.topic), text, plugin):
                    tasks.create_task(plugin.put_out(name, OUT_S), name=f"{name} stays out")
            raise aiomqtt.MqttError("the connection ended")

    async def _put_out_gone(self, plugin: Plugin) -> None:
        while True:
            await plugin.put_out(await self._to_put_out.get(), 0)

    async def _end_ended_again(self) -> None:
        """After a start that was needed for them: end the sessions that had been ended twice, of devices."""
        names = self._ended_again & self._known
        self._ended_again.clear()
        await end_sessions(self._address, self._folder, names)

    async def _hear(self, topic: str, text: str, plugin: Plugin) -> list[str]:
        """Take what the broker says; return who is to be put out."""
        match topic:
            case "$CONTROL/dynamic-security/v1/response":
                await plugin.hear(text)
            case "$SYS/broker/publish/messages/received":
                return await self._watchman.sees_taken_in(int(text), self._users)
            case "$SYS/broker/log/M/subscribe":
                return await self._hear_subscription(plugin, text)
            case "$SYS/broker/version":
                self._hear_version(text)
            case _:
                await self._hear_log(plugin, text)
        return []

    def _hear_version(self, version: str) -> None:
        self._faulty = has_the_fault(version)
        if self._faulty:
            log.warning(
                "%s can crash when it reads its files again while sessions wait; those are ended before. "
                "%s has it mended",
                version,
                ".".join(map(str, MENDED)),
            )

    async def _hear_log(self, plugin: Plugin, line: str) -> None:
        if (user := self._users.get(taken_over(line) or "")) is not None:
            await self._watchman.sees_taken_over(user)
        ended_again = self._sessions.hear(line)
        if (name := came(line)) is not None:
            plugin.note(name)
        if ended_again is None or not self._faulty:
            return
        if self._may_restart:
            log.warning("the broker ended a session twice and would crash of it: it is started anew in order")
            self._ended_again.add(ended_again)
            start_anew(self._folder)
        else:
            log.error("the broker ended a session twice and may crash of it: restart it soon")

    async def _hear_subscription(self, plugin: Plugin, text: str) -> list[str]:
        name, topic = subscribed(text) or ("", "")
        user = self._users.get(name)
        if user is None or may_read(user, topic):
            return []
        if not plugin.knows(name) and not user.topics:
            # The broker granted it, though nothing would come: again from the beginning, and refused then.
            await plugin.send_back(name)
        return [name] if await self._watchman.sees_trespass(user) else []
