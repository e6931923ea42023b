"""What clients send to a bridge, packet by packet, and bytes that are none."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.bridges import mqtt_server as mqtt
from ingest.bridges.mqtt_server import (
    ClientReader,
    Connect,
    Disconnect,
    Packet,
    Ping,
    ProtocolViolation,
    Publish,
    Subscribe,
    UnknownVersion,
)


def text(value: str) -> bytes:
    """Write a string as MQTT does."""
    return struct.pack(">H", len(value.encode())) + value.encode()


def packet(first: int, body: bytes) -> bytes:
    """Write a packet of less than 16 KiB."""
    length = len(body)
    return bytes([first, length & 0x7F | 0x80, length >> 7] if length > 127 else [first, length]) + body


CONNECT_311 = packet(0x10, text("MQTT") + b"\x04\x82\x00\x3c" + text("a") + text("TOKEN-123"))
CONNECT_5 = packet(
    0x10, text("MQTT") + b"\x05\x82\x00\x3c" + b"\x03\x21\x00\x0a" + text("a") + text("TOKEN-123")
)


def read(data: bytes, size: int = 1000) -> list[Packet]:
    """Read bytes in pieces."""
    reader = ClientReader()
    return [found for at in range(0, len(data), size) for found in reader.feed(data[at : at + size])]


@pytest.mark.parametrize(("connect", "version"), [(CONNECT_311, 4), (CONNECT_5, 5)])
def test_the_token_is_the_user_name(connect: bytes, version: int) -> None:
    expected = Connect(version=version, client_id="a", keepalive_s=60, username="TOKEN-123")
    assert read(connect) == read(connect, 1) == [expected]


def test_a_will_and_a_password_are_read_over() -> None:
    body = (
        text("MQTT")
        + b"\x04\xee\x00\x00"
        + text("")
        + text("will/topic")
        + text("gone")
        + text("T")
        + text("p")
    )
    assert read(packet(0x10, body)) == [Connect(version=4, client_id="", keepalive_s=0, username="T")]


def test_messages_subscriptions_pings_and_the_end_are_read() -> None:
    stream = (
        packet(0x32, text("v1/devices/me/telemetry") + b"\x00\x07" + b'{"a":1}')
        + packet(0x31, text("v1/devices/me/telemetry") + b"{}")
        + packet(
            0x82,
            b"\x00\x08" + text("v1/devices/me/rpc/request/+") + b"\x01" + text("v1/gateway/rpc") + b"\x00",
        )
        + packet(0xA2, b"\x00\x09" + text("v1/gateway/rpc"))
        + b"\xc0\x00\x40\x02\x00\x01\xe0\x00"
    )
    expected = [
        Publish(topic="v1/devices/me/telemetry", payload=b'{"a":1}', packet_id=7),
        Publish(topic="v1/devices/me/telemetry", payload=b"{}", packet_id=0),
        Subscribe(packet_id=8, filters=["v1/devices/me/rpc/request/+", "v1/gateway/rpc"]),
        Subscribe(packet_id=9, filters=["v1/gateway/rpc"], leave=True),
        Ping(),
        Disconnect(),
    ]
    for size in (1, 3, 1000):
        assert read(CONNECT_311 + stream, size)[1:] == expected


def test_properties_of_mqtt_5_are_read_over() -> None:
    user = b"\x26" + text("key") + text("value")
    stream = (
        packet(0x32, text("t") + b"\x00\x07" + bytes([len(user) + 2]) + user + b"\x01\x01" + b"{}")
        + packet(0x82, b"\x00\x08\x02\x0b\x01" + text("t") + b"\x01")
        + packet(0xE0, b"\x00\x00")
    )
    assert read(CONNECT_5 + stream)[1:] == [
        Publish(topic="t", payload=b"{}", packet_id=7),
        Subscribe(packet_id=8, filters=["t"]),
        Disconnect(),
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\n", "not CONNECT"),
        (b"\xc0\x00", "not CONNECT"),
        (CONNECT_311 + CONNECT_311, "second CONNECT"),
        (packet(0x10, text("MQTT") + b"\x07\x02\x00\x3c" + text("a")), "not spoken"),
        (packet(0x10, text("AMQP") + b"\x04\x02\x00\x3c" + text("a")), "not spoken"),
        (packet(0x10, text("MQTT") + b"\x04\x82\x00\x3c" + text("a")), "too early"),
        (packet(0x10, text("MQTT") + b"\x04\x02\x00\x3c" + text("a") + b"x"), "behind its end"),
        (CONNECT_311 + packet(0x34, text("t") + b"\x00\x01"), "QoS 2"),
        (CONNECT_311 + packet(0x32, text("t") + b"\x00\x00"), "packet id 0"),
        (CONNECT_311 + packet(0x30, text("a/+")), "wildcard"),
        (CONNECT_311 + packet(0x30, text("")), "without a topic"),
        (CONNECT_311 + packet(0x30, b"\x00\x02\xff\xfe"), "UTF-8"),
        (CONNECT_311 + packet(0x82, b"\x00\x01"), "without a topic filter"),
        (CONNECT_311 + packet(0x80, b"\x00\x01" + text("t") + b"\x00"), "begins with 0x80"),
        (CONNECT_311 + b"\x30\xff\xff\xff\xff", "four bytes"),
        (CONNECT_311 + b"\x30\xff\xff\xff\x7f", "at most"),
        (CONNECT_5 + packet(0x30, text("t") + b"\x03\x23\x00\x01"), "alias"),
        (CONNECT_5 + packet(0x30, text("t") + b"\x01\x7e"), "not one a client sends"),
    ],
)
def test_what_mqtt_does_not_allow_ends_a_connection(data: bytes, why: str) -> None:
    for size in (1, 1000):
        with pytest.raises(ProtocolViolation, match=why):
            read(data, size)


def test_an_unknown_version_is_told_apart() -> None:
    with pytest.raises(UnknownVersion):
        read(packet(0x10, text("MQTT") + b"\x06\x02\x00\x3c" + text("a")))


def test_answers_are_as_the_standard_writes_them() -> None:
    assert mqtt.connack(4, mqtt.NOT_AUTHORIZED) == b"\x20\x02\x00\x05"
    assert mqtt.connack(5, mqtt.NOT_AUTHORIZED)[:4] == b"\x20\x12\x00\x87"
    assert b"\x12\x00\x03abc" in mqtt.connack(5, mqtt.ACCEPTED, assigned="abc")
    assert mqtt.puback(258) == b"\x40\x02\x01\x02"
    assert mqtt.suback(4, 1, 2) == b"\x90\x04\x00\x01\x00\x00"
    assert mqtt.suback(5, 1, 1) == b"\x90\x04\x00\x01\x00\x00"
    assert mqtt.unsuback(4, 1, 2) == b"\xb0\x02\x00\x01"
    assert mqtt.publish(4, "t", b"{}") == b"\x30\x05\x00\x01t{}"
    assert mqtt.publish(5, "t", b"{}" * 100)[:3] == b"\x30\xcc\x01"


@given(
    connect=st.sampled_from([b"", CONNECT_311, CONNECT_5]),
    data=st.binary(max_size=200),
    size=st.integers(1, 64),
)
def test_arbitrary_bytes_say_the_same_whole_and_in_pieces(connect: bytes, data: bytes, size: int) -> None:
    def outcome(pieces: int) -> list[Packet] | str:
        try:
            return read(connect + data, pieces)
        except ProtocolViolation:
            return "ended"

    assert outcome(size) == outcome(100_000)


@given(
    first=st.sampled_from([0x30, 0x32, 0x82, 0xA2, 0x10, 0x40, 0xE0]),
    body=st.binary(max_size=100),
    connect=st.sampled_from([CONNECT_311, CONNECT_5]),
)
def test_arbitrary_bodies_are_read_or_end_the_connection(first: int, body: bytes, connect: bytes) -> None:
    reader = ClientReader()
    reader.feed(connect)
    try:
        for found in reader.feed(packet(first, body)):
            if isinstance(found, Publish):
                assert found.topic
                assert len(found.payload) < len(body)
    except ProtocolViolation:
        pass
