"""A district of devices under a clock of its own: they speak while it runs, and silence is looked for."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import Channel, Device, DeviceKind, DeviceState, Severity
from gridwatch.store import Store
from gridwatch.store.alerts import list_alerts
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import add_devices
from gridwatch.store.liveness import look_for_silence, watch_channels

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
"""In China."""
STEP = timedelta(seconds=15)
INTERVAL_S = 60.0

SPEAK = """
    INSERT INTO reading (device_key, quantity_key, observed_at, scaled, delay_ms, divisor)
    SELECT d.key, q.key, %(now)s::timestamptz - make_interval(secs => d.key %% 14 + %(late_s)s), 20,
           1000 * %(late_s)s, 1
    FROM device d
    JOIN quantity q ON d.channels @> jsonb_build_array(jsonb_build_object('quantity', q.name))
    WHERE d.key %% 4 = %(turn)s AND d.id <> ALL(%(mute)s::text[])
      AND (d.id || '/' || q.name) <> ALL(%(mute)s::text[])"""


def watched(name: str, area: str | None = None, *quantities: str, **fields: Any) -> Device:
    """Return a sensor that is expected to speak every minute."""
    channels = tuple(
        Channel(quantity=quantity, interval_s=INTERVAL_S) for quantity in quantities or ("co_ppm",)
    )
    fields = {"kind": DeviceKind.SENSOR, "channels": channels, "state": DeviceState.ACTIVE, **fields}
    return Device(id=name, scene="fire", area=area, **fields)


class District:
    """Devices that speak once a minute as long as they are not mute."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOON
        self.mute: set[str] = set()
        self.alarms: Mapping[str, Severity] = {}

    async def begin(self, devices: Sequence[Device], areas: Sequence[tuple[str, str | None]] = ()) -> None:
        """Register devices and areas, with a collector that listens; let ten minutes pass."""
        await put_areas(
            self.store,
            [
                Area(
                    code=code,
                    parent=parent,
                    name=code,
                    level=AreaLevel.ESTATE if parent else AreaLevel.DISTRICT,
                )
                for code, parent in areas
            ],
        )
        await add_devices(self.store, devices)
        await self.store.execute(
            """INSERT INTO collector (client_id, slot, pid, subscribed, joined, heartbeat_at)
               VALUES ('gridwatch-0', 0, 1, true, true, 'infinity')"""
        )
        names = sorted({channel.quantity for device in devices for channel in device.channels})
        await self.store.execute(
            "INSERT INTO quantity (name) SELECT unnest(%(names)s::text[])", {"names": names}
        )
        await watch_channels(self.store, self.now)
        await self.run(minutes=10)

    async def run(self, *, minutes: float, late_s: float = 0) -> None:
        """Let time pass; readings come `late_s` after their time."""
        for _ in range(round(minutes * 60 / STEP.total_seconds())):
            self.now += STEP
            await self.speak(late_s=late_s)
            await self.look()

    async def speak(self, *, late_s: float = 0) -> None:
        """Let every fourth device speak that is not mute."""
        turn = int(self.now.timestamp() / STEP.total_seconds()) % 4
        given = {"now": self.now, "turn": turn, "mute": list(self.mute), "late_s": late_s}
        await self.store.execute(SPEAK, given)

    async def look(self) -> None:
        """Look for silence now."""
        await look_for_silence(self.store, self.now, installation="gridwatch", extra_alarms=self.alarms)

    async def say_gone(self, device: str, *, online: bool = False) -> None:
        """Let a device's Last Will say that it is gone, or the device that it is back."""
        await self.store.execute(
            "UPDATE device SET online = %(online)s, online_since = %(now)s WHERE id = %(device)s",
            {"online": online, "now": self.now, "device": device},
        )

    async def alerts(self) -> list[Mapping[str, Any]]:
        """Return all alerts, the oldest first."""
        return [*reversed(await list_alerts(self.store, limit=1_000))]

    async def told(self) -> list[tuple[Any, ...]]:
        """Return what each alert is about: device, label, state, events, and the devices of its outage."""
        return [
            (a["device"], a["label"], a["state"], a["events"], (a["outage"] or {}).get("devices"))
            for a in await self.alerts()
        ]


def ids(devices: Collection[Device]) -> set[str]:
    """Return the ids of devices."""
    return {device.id for device in devices}
