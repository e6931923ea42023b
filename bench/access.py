"""How soon the broker knows who may come in, with thousands of credentials, and what others wait for."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from bench.hostile.target import Target, installation
from bench.raw_mqtt import PUBACK, PUBLISH, REFUSED, SUBACK, Wire, publish, subscribe
from bench.show import show
from bench.spread import Row, quantile
from bench.waiting import wait_until
from gridwatch.broker_config import PLUGIN_STATE
from gridwatch.model import Device, DeviceKind
from gridwatch.secret import new_secret
from gridwatch.store import Store
from gridwatch.store.credentials import give_first_secret, lookup_of, revoke_credentials, rotate_secret
from gridwatch.store.devices import add_devices

WITHIN_S = 600.0
PUBLISH_EVERY_S = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many credentials there are, how many of them are connected, and how many are changed one by one."""

    devices: int = 10_000
    connected: int = 200
    samples: int = 40
    changes: int = 10
    entering_s: float = 180.0
    """How long the plugin is watched while it gets to know all."""


FULL = Sizes()
QUICK = Sizes(devices=200, connected=5, samples=10, changes=2, entering_s=20.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Seconds until a change is true, milliseconds that the others wait."""

    devices: int
    connected: int
    all_in_s: float
    """From the commit of all credentials until all samples were let in."""
    entered: int
    entered_s: float
    """So many the plugin knew after so long: all, or as many as it came to."""
    wide_refused: int
    """Samples that asked for # as soon as they were in, and were refused."""
    wide_ended: int
    """Samples that were granted it, and put off the line for it."""
    wide_silent: int
    """Samples that stayed, and to whom nothing came in 5 s."""
    wide_heard: int
    """Samples to whom anything came."""
    calm_ms: dict[str, float]
    bulk_ms: dict[str, float]
    changes_ms: dict[str, float]
    let_in_s: list[float]
    out_s: list[float]
    dropped: int
    """Of the connected, by the end."""


@dataclass
class Others:
    """Devices that stay connected; one after another publishes and waits for its acknowledgement."""

    wires: dict[str, Wire]
    waits: list[tuple[float, float]] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Publish for the length of the block."""
        thread = threading.Thread(target=self._publish, name="others")
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(60)

    def between(self, begin: float, end: float) -> dict[str, float]:
        """Return p50, p99 and the most of a time, in milliseconds."""
        waits = [wait * 1e3 for at, wait in self.waits if begin <= at < end]
        return {f"p{100 * share:g}": round(quantile(waits, share), 1) for share in (0.5, 0.99, 1.0)}

    def _publish(self) -> None:
        mid = 0
        while not self._over.is_set():
            for name, wire in self.wires.items():
                if self._over.wait(PUBLISH_EVERY_S) or name in self.dropped:
                    continue
                mid = mid % 60_000 + 1
                began = time.monotonic()
                try:
                    wire.send(publish(f"gw/v1/{name}/status", b"online", mid=mid))
                    answered = wire.wait_for(PUBACK, within_s=60) is not None
                except OSError:
                    answered = False
                if not answered:
                    self.dropped.add(name)
                self.waits.append((began, time.monotonic() - began))


def measure(sizes: Sizes) -> Access:
    """Give thousands their credentials at once, then change some one by one, beside others that stay."""
    with installation() as target:
        return asyncio.run(_measure(target, sizes))


async def _measure(target: Target, sizes: Sizes) -> Access:
    running = json.loads((target.data / "running.json").read_text())
    async with Store.open(running["database_url"], connections=3) as store:
        await _give(store, target, [f"connected-{number}" for number in range(sizes.connected)])
        others = await asyncio.to_thread(_connect_all, target)
        names = [f"many-{number:05d}" for number in range(sizes.devices)]
        with others.publishing():
            began = time.monotonic()
            await asyncio.sleep(10)
            given = await _give(store, target, names)
            step = max(1, len(names) // sizes.samples)
            samples = names[::step]
            all_in, wide = await asyncio.gather(
                asyncio.to_thread(_until_all_come, target, samples[::2]),
                asyncio.to_thread(_ask_too_much, target, samples[1::2]),
            )
            known = await asyncio.to_thread(_until_entered, target, sizes.devices, sizes.entering_s)
            entered = time.monotonic()
            let_in, out = [], []
            for number in range(sizes.changes):
                took_in, took_out = await _change(store, target, f"late-{number}")
                let_in.append(took_in)
                out.append(took_out)
            end = time.monotonic()
        for wire in others.wires.values():
            wire.close()
    return Access(
        devices=sizes.devices,
        connected=sizes.connected,
        all_in_s=round(all_in - given, 1),
        entered=known,
        entered_s=round(entered - given, 1),
        wide_refused=wide.count("refused"),
        wide_ended=wide.count("ended"),
        wide_silent=wide.count("silent"),
        wide_heard=wide.count("heard"),
        calm_ms=others.between(began, began + 10),
        bulk_ms=others.between(given, entered),
        changes_ms=others.between(entered, end),
        let_in_s=let_in,
        out_s=out,
        dropped=len(others.dropped),
    )


async def _give(store: Store, target: Target, names: list[str]) -> float:
    """Register devices and give all of them credentials in one transaction; return when it was committed."""
    await add_devices(store, [Device(id=name, scene="fire", kind=DeviceKind.SENSOR) for name in names])
    secrets = {name: new_secret() for name in names}
    lookups = {name: await lookup_of(store, secret) for name, secret in secrets.items()}
    async with store.transaction() as connection:
        for name, secret in secrets.items():
            await give_first_secret(connection, name, secret, lookups[name], actor="a measurement")
    target.secrets |= secrets
    return time.monotonic()


def _connect_all(target: Target) -> Others:
    return Others({name: _come(target, name) for name in target.secrets if name.startswith("connected-")})


def _come(target: Target, name: str) -> Wire:
    """Connect as soon as the broker lets a device in."""
    wires: list[Wire] = []

    def is_in() -> bool:
        wire = target.device(name)
        wires.extend([wire] if wire else [])
        return wire is not None

    wait_until(is_in, timeout_s=WITHIN_S, what=f"{name} is let in")
    return wires[0]


def _until_all_come(target: Target, names: list[str]) -> float:
    """Return when all of them were let in."""
    for name in names:
        _come(target, name).close()
    return time.monotonic()


def _ask_too_much(target: Target, names: list[str]) -> list[str]:
    """Let devices ask for everything as soon as they are let in, and return what each got."""
    got = []
    for name in names:
        with _come(target, name) as wire:
            wire.send(subscribe("#"))
            answer = wire.wait_for(SUBACK)
            if answer is not None and answer[2] == REFUSED:
                got.append("refused")
            else:
                heard = wire.wait_for(PUBLISH, within_s=5) is not None
                got.append("heard" if heard else "ended" if wire.is_ended(within_s=0.1) else "silent")
    return got


def _until_entered(target: Target, devices: int, within_s: float) -> int:
    """Return how many of them the plugin knows in the end."""

    def known() -> int:
        return (target.data / "broker" / PLUGIN_STATE).read_text().count('"many-')

    with suppress(TimeoutError):
        wait_until(lambda: known() >= devices, timeout_s=within_s, what="the plugin knows all", step_s=1)
    return known()


async def _change(store: Store, target: Target, name: str) -> tuple[float, float]:
    """Give one device a credential and take it back; return the seconds until it was in, and out."""
    await add_devices(store, [Device(id=name, scene="fire", kind=DeviceKind.SENSOR)])
    target.secrets[name] = (await rotate_secret(store, name, actor="a measurement")).secret
    began = time.monotonic()
    wire = await asyncio.to_thread(_come, target, name)
    is_in = time.monotonic()
    # The broker is told twice of a change.
    await asyncio.sleep(5)
    await revoke_credentials(store, name, actor="a measurement")
    revoked = time.monotonic()
    with wire:
        await asyncio.to_thread(wire.is_ended, within_s=WITHIN_S)
    return round(is_in - began, 2), round(time.monotonic() - revoked, 2)


def rows(found: Access) -> list[Row]:
    """Return the lines of the table."""
    wide = (
        f"{found.wide_refused} refused, {found.wide_ended} put off the line, "
        f"{found.wide_silent} granted in vain, {found.wide_heard} served"
    )
    return [
        Row(
            what=f"{found.devices:,} credentials given at once: until each can come in",
            value=f"{found.all_in_s:g} s",
            note=f"samples that asked for # at once: {wide}",
        ),
        Row(
            what="… and known to the plugin, which refuses subscriptions",
            value=f"{found.entered:,} after {found.entered_s:g} s",
            note=f"{_waits('others wait', found.bulk_ms)}, {_waits('before', found.calm_ms)}",
        ),
        Row(
            what=f"one credential more, {len(found.let_in_s)}×: until it is let in",
            value=f"{max(found.let_in_s):.1f} s",
            note=f"the longest; {_waits('others wait', found.changes_ms)}",
        ),
        Row(
            what=f"one taken back, {len(found.out_s)}×: until its connection ends",
            value=f"{max(found.out_s):.1f} s",
            note=f"the longest; of {found.connected} others {found.dropped} were dropped",
        ),
    ]


def _waits(who: str, waits_ms: dict[str, float]) -> str:
    return f"{who} p50 {waits_ms['p50']:g}, p99 {waits_ms['p99']:g}, at most {waits_ms['p100']:g} ms"


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
