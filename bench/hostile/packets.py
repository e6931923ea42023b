"""Packets that are too large, wrong, never finished, or too many."""

import random
import time
from contextlib import suppress

from bench.hostile.target import Target
from bench.hostile.trying import Outcome, Sizes, as_mallory
from bench.raw_mqtt import PUBACK, Wire, connect, may_come_in, packet, publish, text

FLOOD_S = 60.0


def huge_connect(target: Target, _: Sizes) -> Outcome:
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


def oversize(target: Target, _: Sizes) -> Outcome:
    ended = 0
    for data in (
        b"\x32" + b"\x80\x80\x80\x40" + text("gw/v1/mallory/clip/1") + b"\0\x01" + b"x" * 2_000_000,
        publish("gw/v1/mallory/" + "x" * 65_000, b"1"),
        publish("gw/v1/mallory/" + "/".join("a" * 1_000), b"1"),
        publish("", b"1"),
    ):
        with as_mallory(target) as wire:
            with suppress(OSError):
                wire.send(data)
            ended += wire.wait_for(PUBACK, within_s=5) is None
    said = "128 MiB payload, topic of 65,000 bytes, of 1,000 levels, of none"
    return f"{ended} of 4 ended or never acknowledged ({said})", ended >= 3


def malformed(target: Target, sizes: Sizes) -> Outcome:
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
        with as_mallory(target) as wire:
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


def never_finished(target: Target, sizes: Sizes) -> Outcome:
    broker = target.broker()
    before = broker.memory_info().rss
    with as_mallory(target) as wire, suppress(OSError):
        for number in range(sizes.packets):
            wire.send(publish("gw/v1/mallory/x", b"x" * 1_000, qos=2, mid=number % 60_000 + 1))
    more = max(broker.memory_info().rss - before, 0) / 1e6
    return f"{sizes.packets} with QoS 2 and never finished: {more:.0f} MB in the broker", more < 60


def flood(target: Target, _: Sizes) -> Outcome:
    reading = publish("gw/v1/mallory/readings", b'{"t": 1795000000, "values": {"co_ppm": 1}}', qos=0)
    began, sent = time.monotonic(), 0
    with as_mallory(target) as wire, suppress(OSError):
        while time.monotonic() - began < FLOOD_S:
            wire.send(reading * 50)
            sent += 50
    took = time.monotonic() - began
    held = not may_come_in(target.device("mallory")) and took < FLOOD_S
    return f"put out after {took:.0f} s and {sent:,} messages, and let in no more for a minute", held
