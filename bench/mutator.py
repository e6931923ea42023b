"""Messages of every topic and payload form, broken in every way, the same ones for the same seed.

A third stays as a device would send it; a third gets a shape that hypothesis thought of, at the top or
somewhere inside; a third loses, gains or swaps bytes. What is valid by chance is valid.
"""

import base64
import json
import random
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import cbor2
import cv2
import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from gridwatch.media import encode_jpeg, encode_mp4
from gridwatch.model import Device, DeviceKind, Picture
from simulators.faults import FAULTS

SENSORS = [f"mutant-{number:03d}" for number in range(100)]
CAMERAS = {f"eye-{number:02d}": ("fire", "elevator", "throwing")[number % 3] for number in range(64)}
REGISTERED = frozenset([*SENSORS, *CAMERAS])
SHAPES = 300
SIZE_WH = (64, 48)
CLIP_FRAMES = 6
SMALL_BYTES = 20_000
"""Of the simulators' own faults only the small ones: a million must take minutes."""
NOT_HERE = frozenset({"unknown topic", "truncated video", "video that ends in its header"})
"""Nobody subscribes to the one; the others take seconds to make."""

STRANGE_DEVICES = (
    "", " ", "nobody", "-", "mutant", "mutant-000 ", "MUTANT-000", "设备", "a" * 64, "a" * 65, "a" * 300,
    "..", "%s", "'; DROP TABLE device; --", "mutant-000\u200b", "🔥", "{device}", "gw", "\ufffd",
)  # fmt: skip
STRANGE_TIMES = (
    "", "0", "-1", "now", "1e3", "999999999999999", "9999999999999999", "1", "１２３", "1760000000000/x",
    "1760000000000.5", " 1760000000000", "0x10", "٣", "4102444800000",
)  # fmt: skip
TOKENS = (
    b"null", b"true", b"NaN", b"Infinity", b"-1", b"1e999", b"9223372036854775808", b"18446744073709551616",
    b"\\u0000", b"\\ud800", b"\x00", b"\xff", b'""', b"{}", b"[]", b"[" * 300, b'{"t":' * 50, b"1970-01-01",
    b"2026-13-01T00:00:00Z", b"-0", b"0.1e-400", b"\xef\xbb\xbf", b"\xc0\x80", b"seq", b"values",
)  # fmt: skip
ENDS = (
    "readings", "readings", "readings", "status", "state", "command/result", "finding",
    "frame/1760000000000", "clip/1760000000000",
)  # fmt: skip
"""What the first byte of an input that atheris found chooses from."""
WEIGHTS = {
    "object": 50, "list": 8, "senml json": 8, "senml cbor": 7, "status": 7, "state": 7, "result": 6,
    "finding": 3, "jpeg": 1.5, "png": 1.5, "clip": 0.5, "fault": 0.5, "atheris": 3,
}  # fmt: skip


def devices() -> list[Device]:
    """Return those that must be registered."""
    sensors = [Device(id=name, scene="fire", kind=DeviceKind.SENSOR) for name in SENSORS]
    cameras = [
        Device(id=name, scene=scene, kind=DeviceKind.CAMERA, simulated=True)
        for name, scene in CAMERAS.items()
    ]
    return [*sensors, *cameras]


def as_found(topic: str, payload: bytes) -> bytes:
    """Return a message as an input of atheris: which end of ENDS, and the payload."""
    head = topic.split("/")[3]
    return bytes([next(n for n, end in enumerate(ENDS) if end.split("/")[0] == head)]) + payload


class Mutator:
    """Makes message after message, and counts them by kind and by device, as the books should."""

    def __init__(self, chosen: int, began: float, found: Sequence[bytes]) -> None:
        """Begin at `began`, Unix seconds of the first observation; `found` are inputs that atheris found."""
        self.counted: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self._random = random.Random(chosen)  # noqa: S311 - repeatable, not secret
        self._made = 0
        self._began = began
        self._shapes = shapes(chosen)
        self._media = _media()
        self._faults = [
            (fault.topic_end, payload)
            for name, fault in FAULTS.items()
            if name not in NOT_HERE and len(payload := fault.payload()) <= SMALL_BYTES
        ]
        self._found = [(ENDS[data[0] % len(ENDS)], data[1:]) for data in found if data]
        self._before = b"{}"
        self._kinds, self._weights = list(WEIGHTS), list(WEIGHTS.values())
        self._builders: dict[str, Callable[[], tuple[str, Any]]] = {
            "object": lambda: ("readings", self._reading()),
            "list": lambda: ("readings", [self._reading() for _ in range(self._random.randint(1, 5))]),
            "senml json": lambda: ("readings", self._senml()),
            "senml cbor": lambda: ("readings", self._senml()),
            "status": lambda: ("status", self._random.choice([b"online", b"offline", b""])),
            "state": lambda: ("state", self._state()),
            "result": lambda: ("command/result", self._result()),
            "finding": lambda: ("finding", self._finding()),
            "jpeg": lambda: (f"frame/{self._t_ms()}", self._picture("jpeg")),
            "png": lambda: (f"frame/{self._t_ms()}", self._picture("png")),
            "clip": lambda: (f"clip/{self._t_ms()}", self._picture("clip")),
            "fault": lambda: self._random.choice(self._faults),
            "atheris": lambda: self._random.choice(self._found),
        }

    def message(self, number: int) -> tuple[str, bytes]:
        """Return topic and payload of the next message; `number` must count up by one."""
        self._made = number
        (kind,) = self._random.choices(self._kinds, self._weights)
        end, body = self._builders[kind]()
        way = self._random.random()
        if 0.33 <= way < 0.66:
            body = self._reshaped(body)
        payload = self._encoded(kind, body)
        if way >= 0.66:
            payload = self._bitten(payload)
        topic = self._topic(end)
        self.kinds[kind] += 1
        device = topic.split("/")[2]
        self.counted[device if device in REGISTERED else ""] += 1
        self._before = payload
        return topic, payload

    def _topic(self, end: str) -> str:
        cameras = end.partition("/")[0] in {"frame", "clip", "finding"}
        device = self._random.choice(list(CAMERAS) if cameras else SENSORS)
        if self._random.random() < 0.02:
            device = self._random.choice(STRANGE_DEVICES)
        head, slash, _ = end.partition("/")
        if head in {"frame", "clip"} and slash and self._random.random() < 0.1:
            # A further level would reach nobody: the subscription has one.
            end = f"{head}/{self._random.choice(STRANGE_TIMES).replace('/', '')}"
        return f"gw/v1/{device}/{end}"

    def _t(self) -> float:
        return round(self._began + self._made / 1_000, 3)

    def _t_ms(self) -> int:
        return round(self._t() * 1000)

    def _reading(self) -> dict[str, Any]:
        values = {
            "temperature_c": self._random.randint(180, 260) / 10,
            "humidity_pct": self._random.randint(300, 600) / 10,
            "co2_ppm": self._random.randint(400, 900),
        }
        return {"t": self._t() + self._random.random(), "seq": self._made, "values": values}

    def _senml(self) -> list[dict[str, Any]]:
        base = {"bn": "urn:dev:ow:10e2073a01080063:", "bt": self._t()}
        first = base | {"n": "temperature", "u": "Cel", "v": self._random.randint(180, 260) / 10}
        return [first, {"n": "humidity", "u": "%RH", "v": 41.5}, {"n": "door_open", "vb": True, "t": -5}]

    def _state(self) -> dict[str, Any]:
        door = self._random.choice(["open", "closing", "closed", "opening"])
        return {"t": self._t(), "door": door, "moving": False, "door_zone": True, "mode": "normal"}

    def _result(self) -> dict[str, Any]:
        return {"id": f"c-{self._made}", "ok": True, "detail": "done"}

    def _finding(self) -> dict[str, Any]:
        picture = base64.b64encode(self._media["jpeg"]).decode()
        return {
            "id": f"f-{self._made}",
            "t": self._t(),
            "label": self._random.choice(["bicycle", "wheelchair", "lens_covered", "ebike", "flame"]),
            "confidence": 0.8,
            "box_xyxy": [4, 4, 30, 30],
            "track": [[self._t(), 5, 5], [self._t() + 1, 6, 6]],
            "evidence": [{"type": "image/jpeg", "base64": picture}],
            "detector": "mutant/1",
        }

    def _picture(self, kind: str) -> bytes:
        return self._media[kind]

    def _reshaped(self, body: Any) -> Any:
        """Put a strange shape in place of the whole or of a part; bytes stay bytes."""
        if isinstance(body, bytes):
            return self._bitten(body)
        if self._random.random() < 0.2:
            return self._random.choice(self._shapes)
        return self._inside(body)

    def _inside(self, body: Any) -> Any:
        strange = self._random.choice(self._shapes)
        if isinstance(body, dict) and body:
            key = self._random.choice(list(body))
            way = self._random.random()
            if way < 0.15:
                return {name: value for name, value in body.items() if name != key}
            if way < 0.3:
                return body | {str(strange)[:20]: body[key]}
            deeper = isinstance(body[key], dict | list) and self._random.random() < 0.6
            return body | {key: self._inside(body[key]) if deeper else strange}
        if isinstance(body, list) and body:
            at = self._random.randrange(len(body))
            return [*body[:at], self._inside(body[at]), *body[at + 1 :]]
        return strange

    def _encoded(self, kind: str, body: Any) -> bytes:
        if isinstance(body, bytes):
            return body
        if kind == "senml cbor":
            return cbor2.dumps(body)
        return json.dumps(body).encode()

    def _bitten(self, payload: bytes) -> bytes:
        """Change one to four places of the bytes."""
        data = bytearray(payload)
        for _ in range(self._random.randint(1, 4)):
            BITES[self._random.randrange(len(BITES))](self._random, data, self._before)
        return bytes(data[: 2 * SMALL_BYTES])


def _flip(chance: random.Random, data: bytearray, _other: bytes) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _overwrite(chance: random.Random, data: bytearray, _other: bytes) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _cut(chance: random.Random, data: bytearray, _other: bytes) -> None:
    del data[chance.randint(0, len(data)) :]


def _remove(chance: random.Random, data: bytearray, _other: bytes) -> None:
    at = chance.randint(0, len(data))
    del data[at : at + chance.randint(1, 16)]


def _repeat(chance: random.Random, data: bytearray, _other: bytes) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = data[at : at + chance.randint(1, 64)] * chance.randint(1, 4)


def _insert(chance: random.Random, data: bytearray, _other: bytes) -> None:
    at = chance.randint(0, len(data))
    data[at : at + chance.choice((0, 4))] = chance.choice(TOKENS)


def _splice(chance: random.Random, data: bytearray, other: bytes) -> None:
    """Go on with what another message ended with."""
    data[chance.randint(0, len(data)) :] = other[chance.randint(0, len(other)) :]


BITES = (_flip, _overwrite, _cut, _remove, _repeat, _insert, _splice)


@cache
def shapes(chosen: int) -> Sequence[Any]:
    """Return JSON values that hypothesis thought of, the same ones for the same seed."""
    found: list[Any] = []
    scalars = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=30)
        | st.datetimes().map(str)
    )
    anything = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
        max_leaves=15,
    )

    @seed(chosen)
    @settings(
        max_examples=SHAPES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(anything)
    def collect(shape: Any) -> None:
        found.append(_plain(shape))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collect()
    return found


def _plain(shape: Any) -> Any:
    """Take half surrogates out: neither JSON text in UTF-8 nor CBOR can carry them."""
    if isinstance(shape, str):
        return shape.encode("utf-8", "replace").decode()
    if isinstance(shape, list):
        return [_plain(item) for item in shape]
    if isinstance(shape, dict):
        return {_plain(key): _plain(value) for key, value in shape.items()}
    return shape


def _media() -> dict[str, bytes]:
    """Return one small picture of each format and one small clip."""
    scene = np.random.default_rng(7).integers(0, 255, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
    began = datetime.fromtimestamp(1_760_000_000, UTC)
    pictures = (
        Picture(pixels=np.roll(scene, index, axis=1), at=began + timedelta(seconds=index / 25))
        for index in range(CLIP_FRAMES)
    )
    png = cv2.imencode(".png", scene)[1].tobytes()
    return {"jpeg": encode_jpeg(scene), "png": png, "clip": encode_mp4(pictures)}
