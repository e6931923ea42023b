"""Publishing and hearing what is not one's own, with a credential of one's own."""

from collections.abc import Callable
from contextlib import suppress

from bench.hostile.target import Target
from bench.hostile.trying import Outcome, Sizes, as_mallory
from bench.raw_mqtt import PUBACK, PUBLISH, REFUSED, SUBACK, may_come_in, publish, subscribe


def as_another(target: Target, _: Sizes) -> Outcome:
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
            _publishas_mallory(target, topic)

    heard = _heard_by_ourselves(target, publish_all)
    return f"{heard} of {len(topics)} arrived (readings, retained status, commands, $CONTROL, …)", heard == 0


def wills(target: Target, _: Sizes) -> Outcome:
    def die() -> None:
        for topic in ("gw/v1/victim/status", "gw/v1/victim/readings", "$CONTROL/dynamic-security/v1"):
            may_come_in(target.device("mallory", will=(topic, b"offline")))

    heard = _heard_by_ourselves(target, die)
    return f"{heard} of 3 published after the connection broke", heard == 0


def subscriptions(target: Target, _: Sizes) -> Outcome:
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
    with as_mallory(target) as wire:
        wire.send(subscribe(*asked))
        answer = wire.wait_for(SUBACK) or b""
        refused = sum(code == REFUSED for code in answer[2:])
    return f"{refused} of {len(asked)} refused, at the first connection", refused == len(asked)


def others_commands(target: Target, _: Sizes) -> Outcome:
    with as_mallory(target) as spy, target.ourselves() as ours:
        spy.send(subscribe("gw/v1/victim/command", "gw/v1/+/command"))
        answer = spy.wait_for(SUBACK) or b""
        granted = sum(code != REFUSED for code in answer[2:])
        ours.send(publish("gw/v1/victim/command", b"{}"))
        ours.wait_for(PUBACK)
        came = spy.wait_for(PUBLISH, within_s=2)
    return f"{granted} of 2 granted, and nothing delivered", came is None


def _publishas_mallory(target: Target, topic: str) -> None:
    with as_mallory(target) as wire, suppress(OSError):
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
