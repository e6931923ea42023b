"""The MQTT session: acknowledged in order, delivered again, and MQTT 3.1.1 where there is no 5."""

import asyncio
import signal
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from paho.mqtt import publish

from gridwatch.broker_address import BrokerAddress
from gridwatch.cli.up.broker import amqtt_command, write_amqtt_configuration
from gridwatch.errors import BrokerError, SettingsError
from ingest.broker import Delivery, Session
from ingest.packets import Version
from tests.ingest.brokers import GRANTED, GREETING, ScriptedBroker, way_to
from tests.ingest.test_framing import publish as framed
from tests.servers import Mosquitto, accepts, end, free_port, wait_until

pytestmark = pytest.mark.anyio

TOPIC = "gw/v1/s1/readings"


def send(port: int, *payloads: bytes) -> None:
    """Publish with QoS 1."""
    publish.multiple(
        [{"topic": TOPIC, "payload": payload, "qos": 1} for payload in payloads],
        hostname="127.0.0.1",
        port=port,
    )


async def subscribed(session: Session) -> None:
    """Wait until the broker took the subscription."""
    await asyncio.to_thread(wait_until, lambda: session.subscribed, what="the session is subscribed")


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds, while the event loop goes on."""
    await asyncio.to_thread(wait_until, condition)


async def logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Wait until the log says `text`."""
    await until(lambda: text in caplog.text)


def message(payload: bytes, *, qos: int = 1) -> bytes:
    """Return a PUBLISH of MQTT 5 on topic t, with packet id 7."""
    return framed(Version.V5, b"t", payload, first=0x32 if qos else 0x30)


async def receive(session: Session, count: int) -> list[Delivery]:
    """Wait for `count` deliveries."""
    got: list[Delivery] = []
    async with asyncio.timeout(10):
        while len(got) < count:
            got += await session.batch(most=count - len(got), linger_s=0)
    return got


async def test_only_a_finished_prefix_is_acknowledged(mosquitto: Mosquitto) -> None:
    client = {"client_id": "c", "topics": ["gw/v1/+/readings"], "window": 10}
    async with Session.open(mosquitto.url, **client) as session:  # type: ignore[arg-type]
        await subscribed(session)
        await asyncio.to_thread(send, mosquitto.port, b"1", b"2", b"3", b"4")
        one, _two, three, four = await receive(session, 4)
        session.done([one, three])
        session.done([four])
    async with Session.open(mosquitto.url, **client) as session:  # type: ignore[arg-type]
        again = await receive(session, 3)
    assert [delivery.payload for delivery in again] == [b"2", b"3", b"4"]


async def test_the_window_bounds_what_is_in_flight(mosquitto: Mosquitto) -> None:
    async with Session.open(mosquitto.url, client_id="c", topics=["gw/v1/+/readings"], window=3) as session:
        await subscribed(session)
        await asyncio.to_thread(send, mosquitto.port, *[b"%d" % n for n in range(8)])
        first = await receive(session, 3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await session.batch(most=1, linger_s=0)
        session.done(first)
        assert len(await receive(session, 3)) == 3


async def test_messages_come_again_after_the_broker_restarted(mosquitto: Mosquitto) -> None:
    async with Session.open(mosquitto.url, client_id="c", topics=["gw/v1/+/readings"], window=10) as session:
        await subscribed(session)
        await asyncio.to_thread(send, mosquitto.port, b"1")
        (first,) = await receive(session, 1)
        await asyncio.to_thread(mosquitto.stop)
        await asyncio.to_thread(mosquitto.start)
        (again,) = await receive(session, 1)
        assert again.payload == first.payload
        session.done([first, again])


@pytest.fixture
def amqtt_port(tmp_path: Path) -> Iterator[int]:
    """Run amqtt, which speaks MQTT 3.1.1 only, and return its port."""
    port = free_port()
    configuration = write_amqtt_configuration(tmp_path / "amqtt", port=port)
    process = subprocess.Popen(
        amqtt_command(configuration), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: accepts(port), what="amqtt accepts")
        yield port
    finally:
        end(process, signal.SIGTERM)


async def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(amqtt_port: int) -> None:
    async with Session.open(
        f"mqtt://127.0.0.1:{amqtt_port}", client_id="c", topics=["gw/v1/+/readings"], window=10
    ) as session:
        await subscribed(session)
        await asyncio.to_thread(send, amqtt_port, b"1")
        (delivery,) = await receive(session, 1)
        session.done([delivery])
    assert delivery.payload == b"1"


async def test_a_broker_that_refuses_mqtt_5_is_spoken_to_in_3_1_1(mosquitto: Mosquitto) -> None:
    client = {"client_id": "c", "topics": ["gw/v1/+/readings"], "window": 10}
    async with way_to(mosquitto.port, refuse_five=True) as port:
        url = f"mqtt://127.0.0.1:{port}"
        async with Session.open(url, **client) as session:  # type: ignore[arg-type]
            await subscribed(session)
            await asyncio.to_thread(send, mosquitto.port, b"1", b"2", b"3")
            one, _two, three = await receive(session, 3)
            session.done([one, three])
        async with Session.open(url, **client) as session:  # type: ignore[arg-type]
            again = await receive(session, 2)
            session.done(again)
    assert [delivery.payload for delivery in again] == [b"2", b"3"]


async def test_a_way_that_passes_on_three_bytes_at_a_time_changes_nothing(mosquitto: Mosquitto) -> None:
    payloads = [b"%d" % n * n for n in range(100)]
    async with (
        way_to(mosquitto.port, piece=3) as port,
        Session.open(
            f"mqtt://127.0.0.1:{port}", client_id="c", topics=["gw/v1/+/readings"], window=10
        ) as session,
    ):
        await subscribed(session)
        await asyncio.to_thread(send, mosquitto.port, *payloads)
        got: list[bytes] = []
        async with asyncio.timeout(10):
            while len(got) < len(payloads):
                deliveries = await session.batch(most=10, linger_s=0)
                session.done(deliveries)
                got += [delivery.payload for delivery in deliveries]
    assert got == payloads


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that signs itself, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    what = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *what.split(), *files], check=True, capture_output=True)
    return certificate, key


async def test_tls_is_spoken_only_to_a_broker_with_a_trusted_certificate(
    mosquitto: Mosquitto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    certificate, key = await asyncio.to_thread(make_certificate, tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    async with way_to(mosquitto.port, tls=context) as port:
        client = {"client_id": "c", "topics": ["gw/v1/+/readings"], "window": 10}
        async with Session.open(f"mqtts://localhost:{port}", **client) as session:  # type: ignore[arg-type]
            await logged(caplog, "certificate verify failed")
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            await subscribed(session)
            await asyncio.to_thread(send, mosquitto.port, b"1")
            session.done(await receive(session, 1))
        async with Session.open(f"mqtts://127.0.0.1:{port}", **client) as session:  # type: ignore[arg-type]
            await logged(caplog, "IP address mismatch")
            assert not session.subscribed


def set_password(file: Path, password: str) -> None:
    """Set the password of the user gw of a Mosquitto."""
    subprocess.run(["mosquitto_passwd", "-b", str(file), "gw", password], check=True)


async def test_a_wrong_password_is_named_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    await asyncio.to_thread(set_password, passwords, "first")
    broker = Mosquitto(tmp_path / "mosquitto", ["allow_anonymous false", f"password_file {passwords}"])
    broker.start()
    try:
        url = f"mqtt://gw:second@127.0.0.1:{broker.port}"
        async with Session.open(url, client_id="c", topics=["gw/#"], window=10) as session:
            await logged(caplog, "GRIDWATCH_MQTT_URL")
            assert "second" not in caplog.text
            await asyncio.to_thread(broker.stop)
            await asyncio.to_thread(set_password, passwords, "second")
            await asyncio.to_thread(broker.start)
            await subscribed(session)
    finally:
        broker.stop()


async def test_a_broker_that_lost_the_session_is_named(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async with Session.open(mosquitto.url, client_id="c", topics=["gw/#"], window=10) as session:
        await subscribed(session)
        await asyncio.to_thread(mosquitto.stop)
        await until(lambda: not session.subscribed)
        await asyncio.to_thread(mosquitto.start)
        await subscribed(session)
        assert session.forgotten == 0
        await asyncio.to_thread(mosquitto.stop)
        await until(lambda: not session.subscribed)
        (mosquitto.folder / "mosquitto.db").unlink()
        await asyncio.to_thread(mosquitto.start)
        await subscribed(session)
    assert session.forgotten == 1
    assert "has no memory of the session c" in caplog.text


async def test_the_largest_message_that_mosquitto_takes_arrives(mosquitto: Mosquitto) -> None:
    """Mosquitto limits what follows a packet's first byte: length, topic, packet id and payload."""
    largest = bytes(64 * 1024 * 1024 - 1 - 2 - len(TOPIC) - 2)
    async with Session.open(mosquitto.url, client_id="c", topics=["gw/#"], window=10) as session:
        await subscribed(session)
        await asyncio.to_thread(send, mosquitto.port, largest, b"after")
        big, small = await receive(session, 2)
        session.done([big, small])
    assert big.payload == largest
    assert small.payload == b"after"


async def test_the_brokers_reason_to_end_a_connection_is_named(caplog: pytest.LogCaptureFixture) -> None:
    taken_over = b"\xe0\x01\x8e"
    async with (
        ScriptedBroker.running(GREETING + GRANTED + taken_over) as (_, url),
        Session.open(url, client_id="c", topics=["t"], window=10),
    ):
        await logged(caplog, "another connection took over this client id")


async def test_retained_messages_come_with_the_subscription(mosquitto: Mosquitto) -> None:
    publish.single(
        "gw/v1/s1/status", b"online", qos=1, retain=True, hostname="127.0.0.1", port=mosquitto.port
    )
    topics = ["gw/v1/+/readings", "gw/v1/+/status"]
    async with Session.open(mosquitto.url, client_id="c", topics=topics, window=10) as session:
        (delivery,) = await receive(session, 1)
        session.done([delivery])
    assert (delivery.topic, delivery.payload, delivery.qos) == ("gw/v1/s1/status", b"online", 1)


@pytest.mark.parametrize(
    ("malformed", "reason"), [("36020000", 0x81), ("3403000174", 0x9B), ("32ffffff7f", 0x95)]
)
async def test_a_malformed_packet_ends_the_connection_cleanly_and_the_next_one_works(
    malformed: str, reason: int, caplog: pytest.LogCaptureFixture
) -> None:
    bad = GREETING + GRANTED + bytes.fromhex(malformed)
    good = GREETING + GRANTED + message(b"secret")
    async with ScriptedBroker.running(bad, good) as (broker, url):
        async with Session.open(url, client_id="c", topics=["t"], window=10) as session:
            (delivery,) = await receive(session, 1)
            session.done([delivery])
        assert delivery.payload == b"secret"
        await until(lambda: broker.ended == 2)
        assert broker.heard[0].endswith(b"\xe0\x01" + bytes([reason]))
        assert broker.heard[1].endswith(b"\x40\x02\x00\x07\xe0\x00")
    assert "the broker sent" in caplog.text
    assert "secret" not in caplog.text


async def test_acknowledgements_of_an_earlier_connection_are_not_sent() -> None:
    first = GREETING + GRANTED + message(b"1")
    async with ScriptedBroker.running(first, first) as (broker, url):
        async with Session.open(url, client_id="c", topics=["t"], window=10) as session:
            (early,) = await receive(session, 1)
            broker.writers[0].close()
            (late,) = await receive(session, 1)
            session.done([early])
            session.done([late])
        await until(lambda: broker.ended == 2)
        assert broker.heard[1].count(b"\x40\x02\x00\x07") == 1


async def test_a_line_that_breaks_again_and_again_is_not_waited_for_longer_while_it_brings_something() -> (
    None
):
    breaks = 9
    async with (
        ScriptedBroker.running(*[GREETING + GRANTED + message(b"1")] * breaks) as (broker, url),
        Session.open(url, client_id="c", topics=["t"], window=10) as session,
    ):
        # Waits that double would come to half a minute.
        async with asyncio.timeout(15):
            for number in range(breaks):
                session.done(await receive(session, 1))
                broker.writers[number].close()


async def test_a_refused_subscription_is_named(caplog: pytest.LogCaptureFixture) -> None:
    refusal = bytes.fromhex("9005 0001 00 01 87")
    async with (
        ScriptedBroker.running(GREETING + refusal) as (_, url),
        Session.open(url, client_id="c", topics=["a", "b"], window=10) as session,
    ):
        await logged(caplog, "refused a subscription of c: this user is not allowed to")
        assert not session.subscribed


async def test_a_broker_that_answers_no_ping_is_left(caplog: pytest.LogCaptureFixture) -> None:
    within_a_second = bytes.fromhex("2006000003130001")
    async with (
        ScriptedBroker.running(within_a_second + GRANTED, GREETING + GRANTED) as (broker, url),
        Session.open(url, client_id="c", topics=["t"], window=10) as session,
    ):
        await logged(caplog, "no answer to a ping")
        await until(lambda: len(broker.heard) == 2 and session.subscribed)
        assert b"\xc0\x00" in broker.heard[0]


async def test_a_silent_broker_that_spoke_mqtt_5_before_is_not_taken_for_an_old_one() -> None:
    async with (
        ScriptedBroker.running(GREETING, b"", GREETING) as (broker, url),
        Session.open(url, client_id="c", topics=["t"], window=10),
    ):
        await until(lambda: len(broker.heard) == 1)
        broker.writers[0].close()
        await until(lambda: len(broker.heard) == 3)
        await until(lambda: len(broker.heard[2]) > 9)
        assert broker.heard[2][8:].startswith(b"\x05")


async def test_messages_of_qos_0_without_room_are_refused_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.broker.MAX_WAITING", 3)
    sent = GREETING + GRANTED + message(b"x", qos=0) * 5 + message(b"y")
    async with (
        ScriptedBroker.running(sent) as (_, url),
        Session.open(url, client_id="c", topics=["t"], window=10) as session,
    ):
        got = await receive(session, 4)
        assert [delivery.payload for delivery in got] == [b"x", b"x", b"x", b"y"]
        assert session.take_refused() == {"t": 2}
        assert not session.take_refused()


async def test_nothing_is_read_while_too_much_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.broker.MAX_HELD_BYTES", 1_000_000)
    count = 40
    sent = GREETING + GRANTED + message(b"x" * 1_000_000) * count
    async with (
        ScriptedBroker.running(sent) as (broker, url),
        Session.open(url, client_id="c", topics=["t"], window=count) as session,
    ):
        held = await receive(session, 2)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while len(held) < count:
                    held += await session.batch(most=count, linger_s=0)
        assert len(held) < count
        assert broker.writers[0].transport.get_write_buffer_size() > 0
        seen = len(held)
        session.done(held)
        async with asyncio.timeout(10):
            while seen < count:
                deliveries = await session.batch(most=count, linger_s=0)
                seen += len(deliveries)
                session.done(deliveries)


async def test_a_client_that_no_reconnect_mends_ends_whoever_reads_from_it(mosquitto: Mosquitto) -> None:
    async with Session.open(mosquitto.url, client_id="c", topics=["\ud800"], window=10) as session:
        with pytest.raises(BrokerError, match="ended"):
            await session.batch(most=1, linger_s=0)


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "mqtt://host:port", "localhost:1883"])
def test_a_wrong_address_says_how_to_write_one(url: str) -> None:
    with pytest.raises(SettingsError, match="GRIDWATCH_MQTT_URL"):
        BrokerAddress.parse(url)


def test_an_address_never_shows_its_password() -> None:
    assert "secret" not in repr(BrokerAddress.parse("mqtts://user:secret@host"))
