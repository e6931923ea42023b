"""MQTT packets: whatever the broker sends is framed the same however it is split, or refused."""

import os
import struct
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.framing import Reader
from ingest.packets import (
    Control,
    Delivery,
    Farewell,
    Granted,
    Greeting,
    MalformedPacket,
    Version,
    acknowledge,
    connect,
    disconnect,
    subscribe,
)

AT = datetime(2026, 11, 23, tzinfo=UTC)
MOST_BYTES = 100_000
GREETING = {Version.V311: bytes.fromhex("20020000"), Version.V5: bytes.fromhex("2003000000")}
VERSIONS = st.sampled_from(Version)


def number(value: int) -> bytes:
    """Encode a variable byte integer."""
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def packet(first: int, body: bytes) -> bytes:
    """Put the fixed header before a body."""
    return bytes([first]) + number(len(body)) + body


def publish(
    version: Version,
    topic: bytes,
    payload: bytes,
    *,
    first: int = 0x32,
    packet_id: int = 7,
    properties: bytes = b"",
) -> bytes:
    """Return a PUBLISH."""
    body = struct.pack(">H", len(topic)) + topic
    if first & 6:
        body += struct.pack(">H", packet_id)
    if version is Version.V5:
        body += number(len(properties)) + properties
    return packet(first, body + payload)


def read(version: Version, *pieces: bytes) -> tuple[list[Control], list[Delivery]]:
    """Read pieces one after another."""
    reader = Reader(version, most_bytes=MOST_BYTES)
    controls: list[Control] = []
    deliveries: list[Delivery] = []
    for piece in pieces:
        more_controls, more_deliveries = reader.read(piece, AT)
        controls += more_controls
        deliveries += more_deliveries
    return controls, deliveries


def plain(deliveries: list[Delivery]) -> list[tuple[str, bytes, int, int]]:
    """Return what can be compared."""
    return [(d.topic, d.payload, d.qos, d.packet_id) for d in deliveries]


LEGAL_PROPERTIES = (
    b"\x01\x01"  # payload format
    b"\x02\x00\x00\x0e\x10"  # message expiry
    b"\x03\x00\x10application/json"
    b"\x08\x00\x01r"  # response topic
    b"\x09\x00\x02\x00\xff"  # correlation data
    b"\x0b\x80\x01\x0b\x02"  # two subscription identifiers
    b"\x26\x00\x01k\x00\x01v\x26\x00\x01k\x00\x00"  # two user properties
)

TOPICS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=40)
MESSAGES = st.tuples(
    TOPICS,
    st.binary(max_size=400),
    st.sampled_from([0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B]),
    st.integers(1, 65535),
)


@given(VERSIONS, st.lists(MESSAGES, max_size=8), st.sampled_from([b"", LEGAL_PROPERTIES]), st.data())
def test_packets_split_anywhere_are_the_same_packets(
    version: Version, messages: list[tuple[str, bytes, int, int]], properties: bytes, data: st.DataObject
) -> None:
    stream = GREETING[version]
    for topic, payload, first, packet_id in messages:
        stream += publish(
            version, topic.encode(), payload, first=first, packet_id=packet_id, properties=properties
        )
        stream += b"\xd0\x00"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    controls, deliveries = read(version, *pieces)
    assert controls == [Greeting(reason=0, session_present=False, keepalive_s=None)]
    expected = [(t, p, 1 if first & 6 else 0, i if first & 6 else 0) for t, p, first, i in messages]
    assert plain(deliveries) == expected
    assert all(delivery.received_at is AT and not delivery.done for delivery in deliveries)


@pytest.mark.parametrize("version", Version)
def test_a_stream_cut_at_every_position_is_the_same_stream(version: Version) -> None:
    stream = GREETING[version] + b"".join(
        publish(version, b"gw/v1/s/readings", b"x" * size, packet_id=size + 1) for size in (0, 100, 120, 200)
    )
    expected = plain(read(version, stream)[1])
    assert len(expected) == 4
    for cut in range(len(stream)):
        assert plain(read(version, stream[:cut], stream[cut:])[1]) == expected
    assert plain(read(version, *[bytes([byte]) for byte in stream])[1]) == expected


def test_the_largest_packet_is_read_in_pieces() -> None:
    largest = publish(Version.V5, b"t", b"x" * (MOST_BYTES - 10))
    assert len(largest) == MOST_BYTES
    pieces = [largest[at : at + 1000] for at in range(0, len(largest), 1000)]
    _, (delivery,) = read(Version.V5, GREETING[Version.V5], *pieces)
    assert len(delivery.payload) == MOST_BYTES - 10


MALFORMED = {
    "too large, said before the rest comes": (0x95, b"\x32" + number(MOST_BYTES)),
    "a length of five bytes": (0x81, b"\x32\xff\xff\xff\xff\x01"),
    "QoS 2": (0x9B, b"\x34\x0a"),
    "QoS 3": (0x81, b"\x36\x0a"),
    "sent again with QoS 0": (0x81, b"\x38\x0a"),
    "PUBLISH without a topic length": (0x81, b"\x30\x01\x00"),
    "PUBLISH with nothing in it": (0x81, b"\x30\x00"),
    "topic beyond the packet": (0x81, b"\x30\x05\x00\x09abc"),
    "empty topic": (0x81, publish(Version.V5, b"", b"x")),
    "topic with a plus": (0x81, publish(Version.V5, b"gw/+/x", b"x")),
    "topic with a hash": (0x81, publish(Version.V5, b"gw/#", b"x")),
    "topic with NUL": (0x81, publish(Version.V5, b"gw/\0", b"x")),
    "topic that is not UTF-8": (0x81, publish(Version.V5, b"gw/\xff", b"x")),
    "topic with half a pair": (0x81, publish(Version.V5, b"gw/\xed\xa0\x80", b"x")),
    "packet id 0": (0x82, publish(Version.V5, b"t", b"x", packet_id=0)),
    "no packet id": (0x81, b"\x32\x04\x00\x01t\x01"),
    "no properties": (0x81, b"\x30\x03\x00\x01t"),
    "properties beyond the packet": (0x81, b"\x30\x05\x00\x01t\x09x"),
    "property length without end": (0x81, b"\x30\x04\x00\x01t\x80"),
    "topic alias": (0x94, publish(Version.V5, b"t", b"", properties=b"\x23\x00\x01")),
    "unknown property": (0x82, publish(Version.V5, b"t", b"", properties=b"\x7f\x00")),
    "property of another packet": (0x82, publish(Version.V5, b"t", b"", properties=b"\x21\x00\x01")),
    "property twice": (0x82, publish(Version.V5, b"t", b"", properties=b"\x01\x01\x01\x01")),
    "property cut off": (0x81, publish(Version.V5, b"t", b"", properties=b"\x02\x00")),
    "string property cut off": (0x81, publish(Version.V5, b"t", b"", properties=b"\x03\x00\x05ab")),
    "string property without length": (0x81, publish(Version.V5, b"t", b"", properties=b"\x03\x00")),
    "half a user property": (0x81, publish(Version.V5, b"t", b"", properties=b"\x26\x00\x01k")),
    "subscription identifier cut off": (0x81, publish(Version.V5, b"t", b"", properties=b"\x0b\x80")),
    "second CONNACK": (0x82, GREETING[Version.V5]),
    "what only a client sends": (0x81, b"\x10\x02\x00\x00"),
    "PUBACK": (0x81, b"\x40\x02\x00\x01"),
    "reserved flags": (0x81, b"\xd1\x00"),
    "packet type 0": (0x81, b"\x00\x00"),
    "PINGRESP with a body": (0x81, b"\xd0\x01x"),
    "SUBACK of another id": (0x82, b"\x90\x04\x00\x02\x00\x01"),
    "SUBACK with nothing in it": (0x82, b"\x90\x00"),
    "SUBACK without properties": (0x81, b"\x90\x02\x00\x01"),
    "DISCONNECT with something behind it": (0x81, b"\xe0\x03\x8e\x00x"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_packet_is_refused_with_its_reason(name: str) -> None:
    reason, sent = MALFORMED[name]
    with pytest.raises(MalformedPacket) as raised:
        read(Version.V5, GREETING[Version.V5] + sent)
    assert raised.value.reason == reason
    with pytest.raises(MalformedPacket):
        read(Version.V5, GREETING[Version.V5], *[bytes([byte]) for byte in sent])


@pytest.mark.parametrize(
    "sent", ["300b00", "d000", "2003020000", "200400000000", "20020000", "200100", "2003018600"]
)
def test_a_wrong_greeting_is_refused(sent: str) -> None:
    with pytest.raises(MalformedPacket):
        read(Version.V5, bytes.fromhex(sent))


def test_mqtt_3_1_1_has_no_farewell_from_the_broker() -> None:
    with pytest.raises(MalformedPacket):
        read(Version.V311, GREETING[Version.V311], b"\xe0\x00")


def test_the_broker_says_more_than_messages() -> None:
    greeting = packet(0x20, b"\x01\x00" + b"\x0b" + b"\x13\x00\x0a" + b"\x21\x00\x14" + b"\x12\x00\x02id")
    granted = packet(0x90, b"\x00\x01" + b"\x00" + b"\x01\x87")
    controls, _ = read(Version.V5, greeting + granted + b"\xe0\x00" + b"\xe0\x01\x8e" + b"\xe0\x02\x8b\x00")
    assert controls == [
        Greeting(reason=0, session_present=True, keepalive_s=10),
        Granted(reasons=b"\x01\x87"),
        Farewell(reason=0),
        Farewell(reason=0x8E),
        Farewell(reason=0x8B),
    ]


def test_a_broker_of_3_1_1_may_refuse_mqtt_5_in_its_own_words() -> None:
    (greeting,), _ = read(Version.V5, bytes.fromhex("20020001"))
    assert greeting == Greeting(reason=1, session_present=False, keepalive_s=None)


@given(VERSIONS, st.binary(max_size=300), st.lists(st.binary(max_size=50), max_size=5))
def test_whatever_comes_is_read_or_malformed(version: Version, body: bytes, pieces: list[bytes]) -> None:
    for first in (b"\x20", b"\x30", b"\x32", b"\x90", b"\xe0"):
        with suppress(MalformedPacket):
            read(version, GREETING[version], first + number(len(body)) + body, *pieces)


def test_connect_names_a_session_that_stays() -> None:
    said = {"keepalive_s": 30, "session_expiry_s": 604_800, "window": 2000, "most_bytes": 65_536}
    assert connect(Version.V311, "c", username=None, password=None, **said) == bytes.fromhex(
        "100d 0004 4d515454 04 00 001e 0001 63"
    )
    assert connect(Version.V5, "c", username="u", password="p", **said) == bytes.fromhex(
        "1021 0004 4d515454 05 c0 001e 0d 1100093a80 2107d0 2700010000 0001 63 0001 75 0001 70"
    )


def test_what_else_is_sent() -> None:
    assert subscribe(Version.V311, ["a", "b/+"]) == bytes.fromhex("820c 0001 0001 61 01 0003 622f2b 01")
    assert subscribe(Version.V5, ["a"]) == bytes.fromhex("8207 0001 00 0001 61 01")
    assert acknowledge([1, 0xFFFF]) == bytes.fromhex("40020001 4002ffff")
    assert disconnect(Version.V5) == disconnect(Version.V311) == bytes.fromhex("e000")
    assert disconnect(Version.V5, 0x81) == bytes.fromhex("e00181")
    assert disconnect(Version.V311, 0x81) == b""


@pytest.mark.slow
def test_a_minute_of_guided_inputs_is_read_or_malformed(tmp_path: Path) -> None:
    """atheris runs in a process of its own, which ends with status 0 only when nothing was found."""
    pytest.importorskip("atheris", reason="needs atheris, which has wheels for Linux on x86-64 only")
    seeds = [
        publish(version, b"gw/v1/s/readings", b"{}", first=first, properties=properties)
        for version in Version
        for first in (0x30, 0x32)
        for properties in (b"", LEGAL_PROPERTIES)
    ] + [sent for _, sent in MALFORMED.values()]
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number_, seed in enumerate(seeds):
        (corpus / str(number_)).write_bytes(b"\x03\x07" + seed)
        (corpus / f"{number_}-old").write_bytes(b"\x02\x07" + seed)
    limits = ["-max_total_time=60", "-rss_limit_mb=512", "-max_len=2000", "-seed=1"]
    # Linux counts to a process what its parent held as it began: the shell between them holds little.
    through_a_shell = ["sh", "-c", '"$@" & wait $!', "sh"]
    run = subprocess.run(
        [*through_a_shell, sys.executable, "-m", "tests.ingest.fuzz_framing", *limits, str(corpus)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert "Done" in run.stderr
