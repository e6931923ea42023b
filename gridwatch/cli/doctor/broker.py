"""The broker: there, lets us in, speaks MQTT 5, and keeps what it acknowledged."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from gridwatch.cli.doctor.check import Check, fail, ok, warn
from gridwatch.errors import SettingsError
from gridwatch.running import mqtt_url
from gridwatch.settings import Settings
from ingest.sessions import MENDED, has_the_fault

PAHO_LOG = logging.getLogger(f"{__name__}.paho")
PAHO_LOG.setLevel(logging.CRITICAL)
"""What goes wrong is said by us."""

GREETING_WITHIN_S = 3.0
"""amqtt does not refuse an MQTT 5 client: it never answers."""
SYS_WITHIN_S = 2.0
VERSION = "$SYS/broker/version"
DROPPED = "$SYS/broker/publish/messages/dropped"

QUEUED = 1_200
"""Mosquitto keeps 1,000 unless it is told otherwise."""
SILENCE_S = 2.0
"""After it nothing more is expected from a queue."""

DEVICES_PROBE, COLLECTORS_PROBE = "gw/v1/~doctor/probe", "gw/collectors/~doctor"
"""No collector subscribes to the first, no device is called so, and the second has the wrong form for all."""
ALL_RIGHTS = (
    "use the address that gridwatch broker-config prints for ourselves, or let this user publish and read "
    "gw/# and the topics of GRIDWATCH_FORMATS, and read $SYS/#"
)

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SCARCE_DAYS = 30

KEEPING = ("persistence", "max_queued_messages", "max_queued_bytes", "autosave_on_changes")
"""Options without which Mosquitto throws away what waits for a collector."""


async def check_broker(settings: Settings) -> list[Check]:
    """Look at the broker."""
    try:
        address = BrokerAddress.parse(mqtt_url(settings))
    except SettingsError as error:
        return [fail("broker", str(error), "gridwatch up starts one, GRIDWATCH_MQTT_URL names one")]
    at = f"{address.host} port {address.port}"
    try:
        said = await _said(address, aiomqtt.ProtocolVersion.V5)
    except aiomqtt.MqttError as error:
        return [await _old(address, at, str(error))]
    return [
        ok("broker", f"MQTT 5 at {at}"),
        *_self_description(said),
        *_fault(said, address),
        await _rights(address),
        await _try_queue(address, f"{settings.installation}-doctor"),
        *_configuration(settings),
        await _strangers(address),
        *_certificate(settings),
    ]


async def _old(address: BrokerAddress, at: str, trouble: str) -> Check:
    """Try the older version of MQTT where the newer one met with `trouble`."""
    try:
        await _said(address, aiomqtt.ProtocolVersion.V311)
    except aiomqtt.MqttError:
        todo = "start it, or correct address, user and password in GRIDWATCH_MQTT_URL"
        return fail("broker", f"{at} does not let us in: {trouble}", todo)
    todo = "use Mosquitto 2 (make setup installs it): amqtt can lose messages when a collector reconnects"
    found = f"{at} speaks no MQTT 5; it may be amqtt, for a first try only and without access control"
    return warn("broker", found, todo)


def _client(
    address: BrokerAddress,
    protocol: aiomqtt.ProtocolVersion = aiomqtt.ProtocolVersion.V311,
    name: str | None = None,
    *,
    kept: bool = False,
) -> aiomqtt.Client:
    """Return a client; `kept`: the broker keeps the session under its name (MQTT 3.1.1)."""
    return address.client(
        protocol=protocol,
        identifier=name,
        clean_session=None if protocol is aiomqtt.ProtocolVersion.V5 else not kept,
        timeout=GREETING_WITHIN_S,
        logger=PAHO_LOG,
    )


async def _try_queue(address: BrokerAddress, name: str) -> Check:
    """Publish more than brokers keep by default for a session that is away, and count what was kept."""
    topic = f"{name}/queue"
    try:
        async with _client(address, name=name, kept=True) as away:
            await away.subscribe(topic, 1)
        async with _client(address) as publisher:
            publisher.pending_calls_threshold = QUEUED
            await asyncio.gather(*(publisher.publish(topic, b"x", 1) for _ in range(QUEUED)))
        kept = 0
        async with _client(address, name=name, kept=True) as back:
            with suppress(TimeoutError):
                while kept < QUEUED:
                    await asyncio.wait_for(anext(aiter(back.messages)), SILENCE_S)
                    kept += 1
        async with _client(address, name=name):
            pass  # so that the broker forgets the session
    except aiomqtt.MqttError as error:
        return warn("broker's queues", f"can't be tried: {error}", f"let this user use {topic}")
    if not kept:
        return warn("broker's queues", "can't be tried: nothing came back", f"let this user use {topic}")
    if kept < QUEUED:
        found = f"of {QUEUED} messages for a collector that is away {kept} were kept"
        todo = "set max_queued_messages 0 and max_queued_bytes 0, as in deploy/mosquitto/mosquitto.conf"
        return fail("broker's queues", found, todo)
    return ok("broker's queues", f"{QUEUED} messages were kept for a session that was away")


async def _said(address: BrokerAddress, protocol: aiomqtt.ProtocolVersion) -> dict[str, str]:
    """Connect, and return what the broker says of itself; raise aiomqtt.MqttError."""
    said: dict[str, str] = {}
    async with _client(address, protocol) as client:
        await client.subscribe([(VERSION, 0), (DROPPED, 0)])
        with suppress(TimeoutError):
            async with asyncio.timeout(SYS_WITHIN_S):
                async for message in client.messages:
                    said[str(message.topic)] = bytes(message.payload or b"").decode(errors="replace")
                    if len(said) == 2:
                        break
    return said


def _self_description(said: dict[str, str]) -> list[Check]:
    if VERSION not in said:
        todo = "let this user read $SYS/#: without it a crash of the broker is not noticed"
        return [warn("broker's $SYS", "it says nothing of itself", todo)]
    checks = [ok("broker's $SYS", said[VERSION])]
    if said.get(DROPPED, "0") != "0":
        found = f"it has thrown {said[DROPPED]} messages away since its start"
        todo = "set max_queued_messages 0 and max_queued_bytes 0, as in deploy/mosquitto/mosquitto.conf"
        checks.append(warn("broker's losses", found, todo))
    return checks


def _fault(said: dict[str, str], address: BrokerAddress) -> list[Check]:
    """Name a version that can crash where it knows passwords, which change; on loopback it knows none."""
    if address.username is None or not has_the_fault(said.get(VERSION, "")):
        return []
    found = "up to 2.0.22 it can crash when it reads passwords again while MQTT 5 sessions wait (SIGHUP)"
    mended = ".".join(map(str, MENDED))
    todo = f"run Mosquitto {mended} or newer; until then leave SIGHUP to gridwatch broker-config --follow"
    return [warn("broker's version", found, todo)]


async def _rights(address: BrokerAddress) -> Check:
    """Publish where our processes do, and see whether it comes: brokers drop in silence what may not be."""
    devices, collectors = [await _comes(address, topic) for topic in (DEVICES_PROBE, COLLECTORS_PROBE)]
    if not devices:
        found = "what this user publishes below gw/v1/ does not come back: readings and commands are lost so"
        return fail("broker's rights", found, ALL_RIGHTS)
    if not collectors:
        found = "this user may use gw/v1/# and not gw/collectors/#: enough for a bridge, not for a collector"
        return warn("broker's rights", found, ALL_RIGHTS)
    return ok("broker's rights", "this user publishes and reads what a collector does")


async def _comes(address: BrokerAddress, topic: str) -> bool:
    """Say whether a message arrives that is published there; some brokers end the connection instead."""
    with suppress(aiomqtt.MqttError, TimeoutError):
        async with _client(address) as client:
            await client.subscribe(topic, 1)
            await client.publish(topic, b"", 1)
            async with asyncio.timeout(SILENCE_S):
                await anext(aiter(client.messages))
                return True
    return False


def _configuration(settings: Settings) -> list[Check]:
    """Look at the configuration of the broker that `up` owns; that of another can't be seen from here."""
    path = settings.data_dir / "broker" / "mosquitto.conf"
    if settings.mqtt_url is not None or not path.is_file():
        return []
    ours, theirs = (
        _options((files("deploy") / "mosquitto" / "mosquitto.conf").read_text()),
        _options(path.read_text()),
    )
    other = [f"{option} {ours[option]}" for option in KEEPING if theirs.get(option) != ours[option]]
    if other:
        return [fail("broker's configuration", f"{path} lacks {', '.join(other)}", "restart gridwatch up")]
    return [ok("broker's configuration", "keeps and saves what waits for a collector")]


async def _strangers(address: BrokerAddress) -> Check:
    """Try to come in without user and password."""
    try:
        async with _client(replace(address, username=None, password=None)):
            pass
    except aiomqtt.MqttError:
        return ok("strangers", "the broker refuses who has no credential")
    if address.host in LOOPBACK:
        return ok("strangers", "whoever works on this machine may publish as any device, nobody else can")
    todo = "gridwatch broker-config writes a configuration that lets in only who has a credential"
    return fail("strangers", "whoever reaches the broker may publish as any device", todo)


def _certificate(settings: Settings) -> list[Check]:
    """Look at the certificate by which devices know the broker of this machine."""
    from gridwatch.cli.guarded_broker import SERVER_CERTIFICATE
    from gridwatch.private_ca import ends_at

    path = settings.data_dir / "broker" / SERVER_CERTIFICATE
    if not path.is_file():
        return []
    days = (ends_at(path) - datetime.now(UTC)).days
    if days < SCARCE_DAYS:
        todo = "restart gridwatch up, or gridwatch broker-config and then the broker: either makes a new one"
        return [warn("broker's certificate", f"is good for {days} more days", todo)]
    return [ok("broker's certificate", f"is good for {days} more days")]


def _options(configuration: str) -> dict[str, str]:
    lines = (line.partition(" ") for line in configuration.splitlines() if line and not line.startswith("#"))
    return {option: value.strip() for option, _, value in lines}
