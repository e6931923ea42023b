"""Protocol Buffers on the wire: bytes in, numbered fields out, as far as Sparkplug and ONNX need them; pure.

Source: Protocol Buffers' documentation, "Encoding".
"""

from collections.abc import Iterator
from struct import unpack

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
MOST_VARINT_BYTES = 10


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message in their order: number, and a varint or the bytes of anything else.

    Raises ValueError where it is none.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire_type == LENGTH:
            length, at = _varint(data, at)
        elif wire_type in (EIGHT_BYTES, FOUR_BYTES):
            length = 8 if wire_type == EIGHT_BYTES else 4
        else:
            raise ValueError(f"no Protocol Buffers: wire type {wire_type}")
        if at + length > len(data):
            raise ValueError("no Protocol Buffers: it ends within a field")
        yield number, data[at : at + length]
        at += length


def number_of(value: int | bytes) -> int:
    """Return a field that is a varint; raise ValueError."""
    if isinstance(value, bytes):
        raise ValueError("no Protocol Buffers of that kind: bytes instead of a number")
    return value


def bytes_of(value: int | bytes) -> bytes:
    """Return a field that is bytes, text or a message; raise ValueError."""
    if isinstance(value, int):
        raise ValueError("no Protocol Buffers of that kind: a number instead of bytes")
    return value


def float_of(value: int | bytes) -> float:
    """Return a field that is a float or a double; raise ValueError."""
    data = bytes_of(value)
    if len(data) not in (4, 8):
        raise ValueError(f"no Protocol Buffers of that kind: a number of {len(data)} bytes")
    number: float = unpack("<f" if len(data) == 4 else "<d", data)[0]
    return number


def encoded(number: int, value: int | bytes) -> bytes:
    """Return a field as it travels: a varint, or bytes with their length."""
    if isinstance(value, int):
        return variable_byte_integer(number << 3 | VARINT) + variable_byte_integer(value)
    return variable_byte_integer(number << 3 | LENGTH) + variable_byte_integer(len(value)) + value


def variable_byte_integer(value: int) -> bytes:
    """Encode a varint, which MQTT 5.0 (section 1.5.5) calls a variable byte integer."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(MOST_VARINT_BYTES):
        if at + place >= len(data):
            raise ValueError("no Protocol Buffers: it ends within a number")
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("no Protocol Buffers: a number without an end")
