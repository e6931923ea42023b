"""Arbitrary bytes for the framing of MQTT packets, guided by what they reach: a program of atheris.

`python -m tests.ingest.fuzz_framing CORPUS -max_total_time=30` takes libFuzzer's options. The first byte of
an input chooses version and greeting, the second the size of the pieces.
"""

import sys
from datetime import UTC, datetime

import atheris

with atheris.instrument_imports(include=["ingest.framing", "ingest.packets"]):
    from ingest.framing import Reader
    from ingest.packets import Delivery, MalformedPacket, Version

AT = datetime(2026, 11, 23, tzinfo=UTC)
MOST_BYTES = 20_000
GREETING = {Version.V311: bytes.fromhex("20020000"), Version.V5: bytes.fromhex("2003000000")}


def read_twice(data: bytes) -> None:
    """Read an input whole and in pieces: both say the same, or both find it malformed."""
    if len(data) < 2:
        return
    version = Version.V5 if data[0] & 1 else Version.V311
    stream = (GREETING[version] if data[0] & 2 else b"") + data[2:]
    size = data[1] or 1
    whole = outcome(version, [stream])
    assert whole == outcome(version, [stream[at : at + size] for at in range(0, len(stream), size)])


def outcome(version: Version, pieces: list[bytes]) -> list[tuple[str, bytes, int, int]] | None:
    """Return what was delivered, None for malformed."""
    reader = Reader(version, most_bytes=MOST_BYTES)
    found: list[tuple[str, bytes, int, int]] = []
    try:
        for piece in pieces:
            _, deliveries = reader.read(piece, AT)
            found += map(checked, deliveries)
    except MalformedPacket:
        return None
    return found


def checked(delivery: Delivery) -> tuple[str, bytes, int, int]:
    """Return a delivery's parts after a look whether they can be."""
    assert delivery.topic
    assert not {"+", "#", "\0"} & set(delivery.topic)
    assert delivery.qos in (0, 1)
    assert (delivery.packet_id > 0) is (delivery.qos == 1)
    assert len(delivery.payload) < MOST_BYTES
    return delivery.topic, delivery.payload, delivery.qos, delivery.packet_id


if __name__ == "__main__":
    atheris.Setup(sys.argv, read_twice)
    atheris.Fuzz()
