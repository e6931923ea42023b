"""ChirpStack v4 (`application/…/device/{DevEUI}/event/…`): what LoRaWAN devices send, and their state.

Its JSON is protobuf's: a field that is zero, false or empty is left out, so each field here has that value
where it is missing. Only the codec's `object` shows what it was given, and a mapping says what it means.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from gridwatch.formats import ChirpStack, quantities
from gridwatch.model import Device, DeviceFinding, Finding, Message, Observation, Observations, check_time
from gridwatch.wire import MAX_QUANTITIES
from ingest.adapter import Heard

TOPIC = re.compile(r"application/[^/]+/device/([0-9A-Fa-f]{16})/event/(\w+)")

SYSTEM = "chirpstack"
"""What sources begin with; alone it is ChirpStack itself."""

REMEMBERED = 10_000
"""Deduplication ids; a message that comes again comes soon. After a restart its equal time tells."""

LEVELS: Mapping[str, float] = {"INFO": 0.0, "WARNING": 1.0, "ERROR": 2.0}


class _DeviceInfo(msgspec.Struct, rename="camel"):
    dev_eui: str
    device_profile_name: str = ""


class _Event(msgspec.Struct, rename="camel"):
    """What all events have."""

    time: str
    device_info: _DeviceInfo
    deduplication_id: str = ""


class _RxInfo(msgspec.Struct, rename="camel"):
    gateway_id: str = ""
    rssi: float = 0.0
    snr: float = 0.0


class _Uplink(_Event, rename="camel"):
    f_cnt: int = 0
    f_port: int = 0
    data: str = ""
    object: dict[str, Any] | None = None
    rx_info: list[_RxInfo] = []


class _Status(_Event, rename="camel"):
    margin: int = 0
    external_power_source: bool = False
    battery_level_unavailable: bool = False
    battery_level: float = 0.0


class _Log(_Event, rename="camel"):
    level: str = "INFO"
    code: str = "UNKNOWN"
    context: dict[str, str] = {}


class ChirpStackAdapter:
    """Events of ChirpStack's MQTT integration, encoded as JSON."""

    name = "chirpstack/4"
    media: Sequence[str] = ()

    def __init__(self, mapping: ChirpStack) -> None:
        self._mapping = mapping
        self._times: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._events: Mapping[str, tuple[type[_Event], Callable[[Any, Device], Message]]] = {
            "up": (_Uplink, self._uplink),
            "status": (_Status, self._status),
            "join": (_Event, _join),
            "log": (_Log, _log),
        }
        self.readings = [f"application/+/device/+/event/{event}" for event in self._events]

    def sender(self, topic: str) -> str | None:
        """Return `chirpstack:{DevEUI}`."""
        match = TOPIC.fullmatch(topic)
        return f"{SYSTEM}:{match[1].lower()}" if match else None

    def read(self, topic: str, payload: bytes, received_at: datetime) -> Sequence[Heard]:
        """Return what an event says of its device."""
        match = TOPIC.fullmatch(topic)
        if match is None or match[2] not in self._events:
            raise ValueError(f"topic {topic[:120]!r}: nothing is expected there")
        if payload[:1] != b"{":
            raise ValueError("no JSON: set json=true under [integration.mqtt] in ChirpStack")
        kind, make = self._events[match[2]]
        event = msgspec.json.decode(payload, type=kind)
        if event.device_info.dev_eui.lower() != match[1].lower():
            raise ValueError(
                f"deviceInfo.devEui {event.device_info.dev_eui[:40]!r} is not the one of the topic"
            )
        source, heard_by = f"{SYSTEM}:{match[1].lower()}", _gateways(event)
        return (Heard(source=source, message=partial(make, event), gateways=heard_by),)

    def _uplink(self, event: _Uplink, device: Device) -> Message:
        """Return what the codec decoded, and how well the uplink was received; fCnt is the device's seq."""
        time, f_cnt = self._first(event, device)
        if event.object is None and event.data:
            raise ValueError(
                "an uplink with data and without object: give the device profile a codec in ChirpStack"
            )
        fields = self._mapping.fields(event.device_info.device_profile_name)
        values = {} if event.object is None else quantities(event.object, fields, _channels(device))
        if event.rx_info:
            best = max(event.rx_info, key=lambda one: (one.snr, one.rssi))
            values |= {"rssi_dbm": float(best.rssi), "snr_db": float(best.snr)}
        return _observed(device, time, values, seq=f_cnt)

    def _status(self, event: _Status, device: Device) -> Message:
        """Return link margin and battery; of a device on mains, or one that can't tell, no battery."""
        values = {"link_margin_db": float(event.margin)}
        if not (event.external_power_source or event.battery_level_unavailable):
            values["battery_pct"] = event.battery_level
        return _observed(device, event.time, values, seq=None)

    def _first(self, event: _Uplink, device: Device) -> tuple[str, int]:
        """Return time and frame counter that an uplink's deduplication id first came with: its identity."""
        if not event.deduplication_id:
            return event.time, event.f_cnt
        first = self._times.setdefault(f"{device.id} {event.deduplication_id}", (event.time, event.f_cnt))
        if len(self._times) > REMEMBERED:
            self._times.popitem(last=False)
        return first


def _gateways(event: _Event) -> tuple[str, ...]:
    """Return the LoRaWAN gateway that an uplink came through, and ChirpStack itself.

    What several gateways heard is silenced by none of them.
    """
    if not isinstance(event, _Uplink):
        return ()
    ids = {one.gateway_id.lower() for one in event.rx_info}
    alone = [f"{SYSTEM}:{id_}" for id_ in ids if id_ and len(ids) == 1]
    return (*alone, SYSTEM)


def _observed(device: Device, time: str, values: Mapping[str, float], *, seq: int | None) -> Message:
    if not 0 < len(values) <= MAX_QUANTITIES:
        raise ValueError(f"{len(values)} quantities; 1 to {MAX_QUANTITIES} are taken")
    observation = Observation(device=device.id, observed_at=_time(time), values=values, seq=seq)
    return Observations(device=device.id, items=(observation,))


def _join(event: _Event, device: Device) -> Message:
    return DeviceFinding(
        device=device.id,
        finding=Finding(
            label="joined",
            confidence=1.0,
            observed_at=_time(event.time),
            detector=ChirpStackAdapter.name,
            id=f"join {event.deduplication_id}" if event.deduplication_id else None,
        ),
    )


def _log(event: _Log, device: Device) -> Message:
    """Return an event labelled by the log's code, as `uplink_codec`; `level`: 0 info, 1 warning, 2 error."""
    if event.level not in LEVELS:
        raise ValueError(f"level {event.level[:40]!r} is none of {', '.join(LEVELS)}")
    return DeviceFinding(
        device=device.id,
        finding=Finding(
            label=f"lorawan_{event.code.lower()}",
            confidence=1.0,
            observed_at=_time(event.time),
            criteria={"level": LEVELS[event.level]},
            detector=ChirpStackAdapter.name,
        ),
    )


def _channels(device: Device) -> frozenset[str]:
    return frozenset(channel.quantity for channel in device.channels)


def _time(text: str) -> datetime:
    try:
        return check_time(datetime.fromisoformat(text))
    except ValueError as error:
        raise ValueError(f"time: {text[:40]!r} is no time: {error}") from error
