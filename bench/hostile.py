"""A hostile evening: everything that a stranger, or a device with a credential of its own, may try.

Honest devices publish readings with QoS 1 all the while; what they wait for each acknowledgement is measured
before and meanwhile, and at the end every reading of theirs must be stored once. `python -m bench.hostile`
prints the table of docs/security.md.
"""

import argparse
import json
import random
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from bench.machine import Machine
from bench.raw_mqtt import (
    PUBACK,
    PUBLISH,
    REFUSED,
    SUBACK,
    Wire,
    come_in,
    connect,
    may_come_in,
    packet,
    publish,
    subscribe,
    text,
)
from bench.spread import quantile
from bench.up import clean_environment, data_folder, running
from bench.waiting import free_port, wait_until
from gridwatch.broker_config import COLLECTOR, PID, own_users
from gridwatch.private_ca import PrivateCa

GUARDED_HOST = "127.1"
"""Loopback that does not look like it, so that the broker is guarded; nobody else reaches it."""

HONEST = 5
READING_EVERY_S = 0.1
FLOOD_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much of each is tried."""

    calm_s: float = 30.0
    guesses: int = 1_000
    silent: int = 500
    connections: int = 2_000
    tokens: int = 300
    packets: int = 5_000
    watch_slow_s: float = 100.0


FULL = Sizes()
QUICK = Sizes(calm_s=3.0, guesses=50, silent=30, connections=60, tokens=20, packets=200, watch_slow_s=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What was tried, what came of it, and whether that is as it must be."""

    what: str
    outcome: str
    held: bool


@dataclass(kw_only=True)
class Target:
    """A running installation, and who may come in."""

    data: Path
    http: int
    inner: int
    passwords: int
    certificates: int
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def ca(self) -> PrivateCa:
        """Return its authority."""
        return PrivateCa(self.data / "ca")

    def tls(self) -> ssl.SSLContext:
        """Return what trusts the broker."""
        return ssl.create_default_context(cafile=str(self.ca.certificate))

    def device(self, name: str, client_id: str = "", **more: Any) -> Wire | None:
        """Come in as a device."""
        return come_in(
            self.passwords, self.tls(), client_id or name, name, self.secrets.get(name, "wrong"), **more
        )

    def ourselves(self) -> Wire:
        """Come in as a collector does."""
        secret = own_users(self.data / "broker")[COLLECTOR].secret
        wire = come_in(self.inner, None, "", COLLECTOR, secret)
        if wire is None:
            raise RuntimeError("the broker does not let us in")
        return wire

    def broker(self) -> psutil.Process:
        """Return the broker's process."""
        return psutil.Process(int((self.data / "broker" / PID).read_text()))

    def type(self, *words: str, given: str | None = None) -> str:
        """Type a command beside it."""
        environment = clean_environment() | {"GRIDWATCH_DATA_DIR": str(self.data)}
        command = [sys.executable, "-m", "gridwatch", *words]
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, input=given
        ).stdout

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> int:
        """Return the status of an HTTP request; 0 where it is not answered."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0


@dataclass
class Honest:
    """Devices that publish as they should, and what they wait."""

    target: Target
    waits_s: list[tuple[float, float]] = field(default_factory=list)
    sent: int = 0
    failed: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Publish for the length of the block."""
        threads = [
            threading.Thread(target=self._publish, args=(f"honest-{number}",), name=f"honest {number}")
            for number in range(HONEST)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(30)

    def between(self, begin: float, end: float) -> list[float]:
        """Return the waits of a time, in milliseconds."""
        return [wait * 1e3 for at, wait in self.waits_s if begin <= at < end]

    def _publish(self, name: str) -> None:
        wire = self.target.device(name)
        if wire is None:
            self.failed.append(f"{name} is not let in")
            return
        seq = 0
        with wire:
            while not self._over.wait(READING_EVERY_S):
                seq += 1
                reading = {"t": time.time(), "seq": seq, "values": {"temperature_c": 21.5}}
                began = time.monotonic()
                wire.send(
                    publish(f"gw/v1/{name}/readings", json.dumps(reading).encode(), mid=seq % 60_000 + 1)
                )
                if wire.wait_for(PUBACK, within_s=60) is None:
                    self.failed.append(f"{name} lost its connection")
                    return
                with self._lock:
                    self.sent += 1
                    self.waits_s.append((began, time.monotonic() - began))


# What is tried. Each returns what came of it, and whether that is as it must be.


def wrong_passwords(target: Target, sizes: Sizes) -> tuple[str, bool]:
    def guess(count: int) -> bool:
        return may_come_in(come_in(target.passwords, target.tls(), "victim", "victim", f"guess-{count}"))

    began = time.monotonic()
    with ThreadPoolExecutor(16) as threads:
        let_in = sum(threads.map(guess, range(sizes.guesses)))
    per_s = sizes.guesses / (time.monotonic() - began)
    return f"{let_in} of {sizes.guesses} let in, {per_s:.0f} tried a second", let_in == 0


def without_tls(target: Target, _: Sizes) -> tuple[str, bool]:
    ports = (target.passwords, target.certificates)
    let_in = sum(
        may_come_in(come_in(port, None, "mallory", "mallory", target.secrets["mallory"])) for port in ports
    )
    strangers = ((None, None), ("~collector", ""), ("victim", "a guess"))
    inner = sum(may_come_in(come_in(target.inner, None, "x", *stranger)) for stranger in strangers)
    found = f"{let_in} of 2 let in; {inner} of {len(strangers)} at the listener of our own processes"
    return found, let_in + inner == 0


def old_tls(target: Target, _: Sizes) -> tuple[str, bool]:
    refused = 0
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        for port in (target.passwords, target.certificates):
            context = target.tls()
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = version
            context.set_ciphers("ALL:@SECLEVEL=0")
            try:
                Wire(port, context).close()
            except OSError:
                refused += 1
    return f"{refused} of 4 handshakes (1.0, 1.1) refused", refused == 4


def bad_certificates(target: Target, _: Sizes) -> tuple[str, bool]:
    other = PrivateCa(target.data / "other-ca")
    other.make("somebody else")
    issued = [other.issue_client("victim"), target.ca.issue_client("victim", days=0), None]
    let_in = 0
    for one in issued:
        context = target.tls()
        if one is not None:
            file = target.data / "bad.pem"
            file.write_bytes(one.certificate + (one.key or b""))
            context.load_cert_chain(file)
        let_in += may_come_in(come_in(target.certificates, context, "victim", None, None))
    return f"{let_in} of 3 let in (another authority's, expired, none)", let_in == 0


def huge_connect(target: Target, _: Sizes) -> tuple[str, bool]:
    broker = target.broker()
    before = broker.memory_info().rss
    ended = 0
    long = b"x" * 65_535
    for data in (
        b"\x10\xff\xff\xff\x7f" + b"\0" * 1_000_000,
        b"\x10\xff\xff\xff\xff\xff",
        packet(0x10, text("MQTT") + b"\x04\xc2\0\x1e" + text(long) * 3),
        connect("x" * 65_535, "mallory", "wrong"),
    ):
        with Wire(target.passwords, target.tls()) as wire:
            with suppress(OSError):
                wire.send(data)
            ended += wire.is_ended()
    more = (broker.memory_info().rss - before) / 1e6
    return f"{ended} of 4 ended; the broker's memory grew by {max(more, 0):.0f} MB", ended == 4 and more < 50


def slow_loris(target: Target, sizes: Sizes) -> tuple[str, bool]:
    wires: list[Wire] = []
    for number in range(sizes.silent):
        with suppress(OSError):
            wire = Wire(target.passwords, target.tls() if number % 2 else None)
            wire.send(b"\x10" if number % 2 else b"\x16")
            wires.append(wire)
    began = time.monotonic()
    good = target.device("victim")
    took = time.monotonic() - began
    left = ""
    if sizes.watch_slow_s:
        time.sleep(sizes.watch_slow_s)
        gone = sum(wire.is_ended(within_s=0.01) for wire in wires)
        left = f"; after {sizes.watch_slow_s:.0f} s {gone} of them were ended"
    for wire in [*wires, *([good] if good else [])]:
        wire.close()
    return f"{len(wires)} open and silent, another device came in within {took:.2f} s{left}", good is not None


def oversize(target: Target, _: Sizes) -> tuple[str, bool]:
    ended = 0
    for data in (
        b"\x32" + b"\x80\x80\x80\x40" + text("gw/v1/mallory/clip/1") + b"\0\x01" + b"x" * 2_000_000,
        publish("gw/v1/mallory/" + "x" * 65_000, b"1"),
        publish("gw/v1/mallory/" + "/".join("a" * 1_000), b"1"),
        publish("", b"1"),
    ):
        with _as_mallory(target) as wire:
            with suppress(OSError):
                wire.send(data)
            ended += wire.wait_for(PUBACK, within_s=5) is None
    said = "128 MiB payload, topic of 65,000 bytes, of 1,000 levels, of none"
    return f"{ended} of 4 ended or never acknowledged ({said})", ended >= 3


def as_another(target: Target, _: Sizes) -> tuple[str, bool]:
    topics = (
        "gw/v1/victim/readings",
        "gw/v1/victim/status",
        "gw/v1/victim/command",
        "gw/collectors/shares",
        "application/1/device/2/event/up",
        "$SYS/broker/version",
        "$CONTROL/dynamic-security/v1",
        "$share/a/gw/v1/victim/readings",
    )

    def publish_all() -> None:
        for topic in topics:
            _publish_as_mallory(target, topic)

    heard = _heard_by_ourselves(target, publish_all)
    return f"{heard} of {len(topics)} arrived (readings, retained status, commands, $CONTROL, …)", heard == 0


def wills(target: Target, _: Sizes) -> tuple[str, bool]:
    def die() -> None:
        for topic in ("gw/v1/victim/status", "gw/v1/victim/readings", "$CONTROL/dynamic-security/v1"):
            may_come_in(target.device("mallory", will=(topic, b"offline")))

    heard = _heard_by_ourselves(target, die)
    return f"{heard} of 3 published after the connection broke", heard == 0


def subscriptions(target: Target, _: Sizes) -> tuple[str, bool]:
    asked = (
        "#",
        "+/#",
        "$SYS/#",
        "$share/a/gw/v1/#",
        "$share/a/#",
        "gw/v1/+/readings",
        "gw/v1/victim/readings",
        "gw/#",
    )
    with _as_mallory(target) as wire:
        wire.send(subscribe(*asked))
        answer = wire.wait_for(SUBACK) or b""
        refused = sum(code == REFUSED for code in answer[2:])
    return f"{refused} of {len(asked)} refused, at the first connection", refused == len(asked)


def others_commands(target: Target, _: Sizes) -> tuple[str, bool]:
    with _as_mallory(target) as spy, target.ourselves() as ours:
        spy.send(subscribe("gw/v1/victim/command", "gw/v1/+/command"))
        answer = spy.wait_for(SUBACK) or b""
        granted = sum(code != REFUSED for code in answer[2:])
        ours.send(publish("gw/v1/victim/command", b"{}"))
        ours.wait_for(PUBACK)
        came = spy.wait_for(PUBLISH, within_s=2)
    return f"{granted} of 2 granted, and nothing delivered", came is None


def takeover(target: Target, _: Sizes) -> tuple[str, bool]:
    victim = target.device("victim")
    if victim is None:
        return "the victim was not let in", False
    with victim:
        for client_id in ("victim", "gridwatch-0-readings", "honest-0"):
            may_come_in(target.device("mallory", client_id))
        victim.send(publish("gw/v1/victim/readings", b'{"t": 1795000000, "values": {"co_ppm": 1}}'))
        stays = victim.wait_for(PUBACK) is not None
    return f"the victim {'stays' if stays else 'is out'}", stays


def connections(target: Target, sizes: Sizes) -> tuple[str, bool]:
    wires: list[Wire] = []

    def open_one(_: int) -> None:
        with suppress(OSError):
            wires.append(Wire(target.passwords, target.tls()))

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(open_one, range(sizes.connections)))
    good = target.device("victim")
    for wire in [*wires, *([good] if good else [])]:
        wire.close()
    shared = [target.device("mallory") for _ in range(20)]
    turns = sum(map(may_come_in, shared))
    found = f"{len(wires)} encrypted ones at once; 20 under one credential, each ended the one before"
    return found, good is not None and turns == 20


def malformed(target: Target, sizes: Sizes) -> tuple[str, bool]:
    ended = 0
    bad = [
        publish(b"gw/v1/mallory/\xff\xfe", b"1"),
        publish(b"gw/v1/mallory/\xed\xa0\x80", b"1"),
        publish(b"gw/v1/mallory/a\0b", b"1"),
        publish("gw/v1/mallory/+", b"1"),
        b"\xf0\x00",
        b"\x82\x00",
        packet(0x10, text("MQTT") + b"\x04\x02\0\x1e" + text("again")),
    ]
    for data in bad:
        with _as_mallory(target) as wire:
            wire.send(data)
            ended += wire.is_ended(within_s=5)
    before = [
        publish("gw/v1/victim/readings", b"1"),
        connect(b"\xff\xfe", "mallory", "x"),
        connect("a", b"\xff", "x"),
    ]
    for data in before:
        with Wire(target.passwords, target.tls()) as wire:
            wire.send(data)
            ended += wire.is_ended(within_s=5)
    dice = random.Random(1)  # noqa: S311 - nothing secret
    for _ in range(sizes.packets // 50):
        with suppress(OSError), Wire(target.passwords, target.tls()) as wire:
            wire.send(dice.randbytes(dice.randrange(1, 2_000)))
    return (
        f"{ended} of {len(bad) + len(before)} ended; {sizes.packets // 50} of random bytes besides",
        ended == len(bad) + len(before),
    )


def never_finished(target: Target, sizes: Sizes) -> tuple[str, bool]:
    broker = target.broker()
    before = broker.memory_info().rss
    with _as_mallory(target) as wire, suppress(OSError):
        for number in range(sizes.packets):
            wire.send(publish("gw/v1/mallory/x", b"x" * 1_000, qos=2, mid=number % 60_000 + 1))
    more = max(broker.memory_info().rss - before, 0) / 1e6
    return f"{sizes.packets} with QoS 2 and never finished: {more:.0f} MB in the broker", more < 60


def tokens(target: Target, sizes: Sizes) -> tuple[str, bool]:
    token = target.type("devices", "credential", "tokens", "--count", "1").strip()

    def claim(token: str, device: str) -> int:
        body = json.dumps({"token": token, "device": device}).encode()
        return target.ask("/api/v1/claim", body, **{"Content-Type": "application/json"})

    first, second, other = claim(token, "unclaimed"), claim(token, "unclaimed"), claim(token, "victim")
    guessed = [claim(f"{number:032x}", "unclaimed") for number in range(sizes.tokens)]
    good, slowed = sum(status < 300 for status in guessed), guessed.count(429)
    held = first < 300 and all(400 <= status < 500 for status in [*guessed, second, other])
    said = f"the first use {first}, the second {second}, another device's {other}"
    return f"{said}; {good} of {sizes.tokens} guesses good, {slowed} put off (429)", held


def over_http(target: Target, _: Sizes) -> tuple[str, bool]:
    none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJhZG1pbiIsImV4cCI6OTk5OTk5OTk5OX0."
    paths = (
        "/api/v1/devices",
        "/api/v1/alerts",
        "/api/v1/readings",
        "/api/v1/alerts/stream",
        "/api/v1/areas",
    )
    bare = [target.ask(path) for path in paths]
    forged = [target.ask(path, Authorization=f"Bearer {none}") for path in paths]
    garbage = [target.ask(path, Authorization="Bearer \x7f" + "x" * 8_000) for path in paths]
    big = target.ask("/api/v1/devices", b"[" * 20_000_000, **{"Content-Type": "application/json"})
    way = [target.ask(f"/{up}etc/passwd") for up in ("../" * 5, "%2e%2e/" * 5, "api/v1/events/..%2f..%2f")]
    held = {*bare, *forged, *garbage} <= {401, 400, 431} and not {200, 500} & {big, *way}
    said = f"{sorted({*bare})} with nothing, {sorted({*forged, *garbage})} with forged or wrong tokens"
    return f"{said}, {big} to 20 MB, {sorted({*way})} for files outside", held


def flood(target: Target, _: Sizes) -> tuple[str, bool]:
    reading = publish("gw/v1/mallory/readings", b'{"t": 1795000000, "values": {"co_ppm": 1}}', qos=0)
    began, sent = time.monotonic(), 0
    with _as_mallory(target) as wire, suppress(OSError):
        while time.monotonic() - began < FLOOD_S:
            wire.send(reading * 50)
            sent += 50
    took = time.monotonic() - began
    held = not may_come_in(target.device("mallory")) and took < FLOOD_S
    return f"put out after {took:.0f} s and {sent:,} messages, and let in no more for a minute", held


ATTACKS: Sequence[tuple[str, Callable[[Target, Sizes], tuple[str, bool]]]] = (
    ("subscriptions to #, $SYS, $share, others' readings", subscriptions),
    ("reading others' commands", others_commands),
    ("publishing as another, on our topics, $CONTROL, $SYS", as_another),
    ("Last Wills on others' topics", wills),
    ("another's client id with a credential of one's own", takeover),
    ("wrong passwords", wrong_passwords),
    ("no TLS, no password", without_tls),
    ("TLS 1.0 and 1.1", old_tls),
    ("wrong, expired and no certificates", bad_certificates),
    ("huge CONNECT", huge_connect),
    ("oversize payloads and topics", oversize),
    ("malformed packets, UTF-8 and random bytes", malformed),
    ("messages that are never finished", never_finished),
    ("many connections", connections),
    ("bootstrap tokens guessed and used again", tokens),
    ("HTTP with nothing, forged tokens, garbage", over_http),
    ("connections that say nothing", slow_loris),
    ("readings as fast as they go", flood),
)


def _as_mallory(target: Target) -> Wire:
    wire = target.device("mallory")
    if wire is None:
        raise RuntimeError("mallory is not let in")
    return wire


def _publish_as_mallory(target: Target, topic: str) -> None:
    with _as_mallory(target) as wire, suppress(OSError):
        wire.send(publish(topic, b'{"commands": [{"command": "listClients"}]}', retain=True))
        wire.wait_for(PUBACK, within_s=2)


def _heard_by_ourselves(target: Target, act: Callable[[], object]) -> int:
    """Return how many messages arrive of what an attack publishes."""
    with target.ourselves() as ours:
        ours.send(subscribe("gw/v1/victim/#", "gw/collectors/#", "application/#"))
        ours.wait_for(SUBACK)
        act()
        heard = 0
        while ours.wait_for(PUBLISH, within_s=1) is not None:
            heard += 1
        return heard


@contextmanager
def installation() -> Iterator[Target]:
    """Run `gridwatch up` with a listener for devices, and its devices."""
    ports = {name: free_port() for name in ("GRIDWATCH_MQTTS_PORT", "GRIDWATCH_MQTT_CERTIFICATE_PORT")}
    settings = {name: str(port) for name, port in ports.items()} | {"GRIDWATCH_MQTT_HOST": GUARDED_HOST}
    with data_folder() as data, running(data, "--no-simulate", settings=settings) as up:
        passwords, certificates = ports.values()
        target = Target(
            data=data, http=up.port, inner=up.mqtt_port, passwords=passwords, certificates=certificates
        )
        names = ["victim", "mallory", "unclaimed", *(f"honest-{number}" for number in range(HONEST))]
        file = data / "devices.csv"
        file.write_text("id,scene,kind\n" + "".join(f"{name},fire,sensor\n" for name in names))
        target.type("devices", "import", str(file))
        for name in names:
            if name != "unclaimed":
                said = target.type("devices", "credential", "rotate", name, "--json")
                target.secrets[name] = json.loads(said)["password"]
        for name in target.secrets:
            wait_until(partial(_can_come, target, name), timeout_s=30, what=f"{name} is let in")
        yield target


def _can_come(target: Target, name: str) -> bool:
    return may_come_in(target.device(name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Evening:
    """All that was tried, and what it was to the honest."""

    tried: Sequence[Tried]
    calm_ms: Sequence[float]
    hostile_ms: Sequence[float]
    sent: int
    stored: int
    failed: Sequence[str]
    same_broker: bool


def spend(target: Target, sizes: Sizes) -> Evening:
    """Try everything, one thing after another, beside honest devices."""
    honest, tried, before = Honest(target), [], target.broker().pid
    with honest.publishing():
        began = time.monotonic()
        time.sleep(sizes.calm_s)
        calm = time.monotonic()
        for what, attack in ATTACKS:
            outcome, held = attack(target, sizes)
            tried.append(Tried(what=what, outcome=outcome, held=held))
            print(f"{'ok ' if held else 'BAD'} {what}: {outcome}", flush=True)
        end = time.monotonic()

    def stored() -> int:
        books = json.loads(target.type("books", "--json"))
        return sum(one["stored"] for one in books["devices"] if one["device"].startswith("honest-"))

    with suppress(TimeoutError):
        wait_until(lambda: stored() >= honest.sent, timeout_s=60, what="all is stored")
    return Evening(
        tried=tried,
        calm_ms=honest.between(began, calm),
        hostile_ms=honest.between(calm, end),
        sent=honest.sent,
        stored=stored(),
        failed=honest.failed,
        same_broker=target.broker().pid == before,
    )


def table(evening: Evening) -> str:
    """Return it in Markdown."""
    lines = ["| tried | what happened |", "|---|---|"]
    lines += [
        f"| {one.what} | {'' if one.held else '**not as it must be:** '}{one.outcome} |"
        for one in evening.tried
    ]
    before, meanwhile = _waits(evening.calm_ms), _waits(evening.hostile_ms)
    went = "ran on" if evening.same_broker else "was started anew"
    lines += [
        "",
        f"Acknowledged to the honest before: {before}; meanwhile: {meanwhile}.",
        f"Of {evening.sent} readings of theirs {evening.stored} are stored; the broker {went}. "
        f"Failures: {list(evening.failed)}.",
    ]
    return "\n".join(lines)


def _waits(values_ms: Sequence[float]) -> str:
    shares = f"p50 {quantile(values_ms, 0.5):.1f} ms, p99 {quantile(values_ms, 0.99):.0f} ms"
    return f"{shares}, most {max(values_ms):.0f} ms (n = {len(values_ms)})"


def main() -> None:
    """Spend the evening and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little of each")
    sizes = QUICK if parser.parse_args().quick else FULL
    machine = Machine.this()
    print(f"{machine.cpu}, {machine.cores} cores, load {machine.load_1min}, commit {machine.commit}")
    with installation() as target:
        print(table(spend(target, sizes)))


if __name__ == "__main__":
    main()
