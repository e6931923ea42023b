"""Coming in as nobody, as somebody else, without TLS, or too often."""

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from bench.hostile.target import Target
from bench.hostile.trying import Outcome, Sizes
from bench.raw_mqtt import PUBACK, Wire, come_in, may_come_in, publish
from gridwatch.private_ca import PrivateCa


def wrong_passwords(target: Target, sizes: Sizes) -> Outcome:
    def guess(count: int) -> bool:
        return may_come_in(come_in(target.passwords, target.tls(), "victim", "victim", f"guess-{count}"))

    began = time.monotonic()
    with ThreadPoolExecutor(16) as threads:
        let_in = sum(threads.map(guess, range(sizes.guesses)))
    per_s = sizes.guesses / (time.monotonic() - began)
    return f"{let_in} of {sizes.guesses} let in, {per_s:.0f} tried a second", let_in == 0


def without_tls(target: Target, _: Sizes) -> Outcome:
    ports = (target.passwords, target.certificates)
    let_in = sum(
        may_come_in(come_in(port, None, "mallory", "mallory", target.secrets["mallory"])) for port in ports
    )
    strangers = ((None, None), ("~collector", ""), ("victim", "a guess"))
    inner = sum(may_come_in(come_in(target.inner, None, "x", *stranger)) for stranger in strangers)
    found = f"{let_in} of 2 let in; {inner} of {len(strangers)} at the listener of our own processes"
    return found, let_in + inner == 0


def old_tls(target: Target, _: Sizes) -> Outcome:
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


def bad_certificates(target: Target, _: Sizes) -> Outcome:
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


def takeover(target: Target, _: Sizes) -> Outcome:
    victim = target.device("victim")
    if victim is None:
        return "the victim was not let in", False
    with victim:
        for client_id in ("victim", "gridwatch-0-readings", "honest-0"):
            may_come_in(target.device("mallory", client_id))
        victim.send(publish("gw/v1/victim/readings", b'{"t": 1795000000, "values": {"co_ppm": 1}}'))
        stays = victim.wait_for(PUBACK) is not None
    return f"the victim {'stays' if stays else 'is out'}", stays


def connections(target: Target, sizes: Sizes) -> Outcome:
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


def slow_loris(target: Target, sizes: Sizes) -> Outcome:
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
