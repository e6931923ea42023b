"""Sparkplug B (`spBv1.0/GROUP/…`): edge nodes and their devices, born, alive and dead.

A birth names every metric with its number, later messages have the number alone, so a birth is remembered;
who is heard without one is asked for it (NCMD, `Node Control/Rebirth`). Data say what changed: what they
leave out stays as it was. Source: the Eclipse Sparkplug specification 3.0, and its Protocol Buffers file.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import NamedTuple

from gridwatch.formats import FieldMeaning, Sparkplug, quantities
from gridwatch.model import Device, Message, Observation, Observations, Status, check_time
from gridwatch.protobuf import bytes_of, encoded, fields, float_of, number_of
from gridwatch.wire import MAX_OBSERVATIONS, MAX_QUANTITIES
from ingest.adapter import Heard

TOPIC = re.compile(r"spBv1\.0/([^/]+)/(?:N(BIRTH|DEATH|DATA)/([^/]+)|D(BIRTH|DEATH|DATA)/([^/]+)/([^/]+))")
SYSTEM = "sparkplug:"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

REMEMBERED = 10_000
"""Edge nodes."""
MOST_METRICS = 100_000
"""Of one edge node, with those of its devices."""
DEEPEST = 8
"""Templates within templates."""

SEQUENCE = 256
"""Numbers of messages wrap around here."""

BOOLEAN, DATETIME = 11, 13
BITS: Mapping[int, int] = {1: 8, 2: 16, 3: 32, 4: 64}
"""Signed types, which travel as unsigned numbers."""

REBIRTH = "Node Control/Rebirth"
BD_SEQ = "bdSeq"
"""Which birth a death belongs to."""

Value = float | bool | str


class _Metric(NamedTuple):
    """One metric as a message has it; the name or the number may be missing."""

    name: str | None
    alias: int | None
    at_ms: int | None
    datatype: int | None
    value: Value | None
    parts: "tuple[_Metric, ...]" = ()


class _Payload(NamedTuple):
    at_ms: int | None
    seq: int | None
    metrics: tuple[_Metric, ...]


class _Known(NamedTuple):
    """What a birth says of a number."""

    name: str
    datatype: int | None


@dataclass(slots=True)
class _Edge:
    """What the births of an edge node and of its devices said."""

    bd_seq: Value | None = None
    seq: int | None = None
    metrics: dict[int, _Known] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)


class SparkplugAdapter:
    """Births, data and deaths; `ask` is told the topic of who is to be born again."""

    name = "sparkplug/b"
    media: Sequence[str] = ()
    readings: Sequence[str] = (
        *(f"spBv1.0/+/N{kind}/+" for kind in ("BIRTH", "DATA", "DEATH")),
        *(f"spBv1.0/+/D{kind}/+/+" for kind in ("BIRTH", "DATA", "DEATH")),
    )

    def __init__(self, mapping: Sparkplug, ask: Callable[[str], None]) -> None:
        self._mapping = mapping
        self._ask = ask
        self._edges: OrderedDict[str, _Edge] = OrderedDict()

    def sender(self, topic: str) -> str | None:
        """Return `sparkplug:{group}/{edge node}`, also for its devices: they share a sequence."""
        speaker = _speaker(topic)
        return speaker.edge_source if speaker else None

    def read(self, topic: str, payload: bytes, received_at: datetime) -> Sequence[Heard]:
        """Return what a message says of an edge node or of a device."""
        speaker = _speaker(topic)
        if speaker is None:
            raise ValueError(f"topic {topic[:120]!r}: nothing is expected there")
        said = _payload(payload)
        if speaker.kind == "DEATH":
            return self._death(speaker, said)
        is_birth = speaker.kind == "BIRTH"
        edge = self._birth(speaker, said) if is_birth else self._edges.get(speaker.edge_source, _Edge())
        self._follow(edge, said, speaker)
        try:
            named = list(_named(said.metrics, edge.metrics))
        except LookupError as error:
            self._ask(speaker.commands)
            raise ValueError(
                f"metric {error} is in no birth that was heard since the collector started: one is asked for"
            ) from error
        meanings = self._mapping.fields(speaker.path)
        wanted = [(name, metric) for name, metric in named if name in meanings]
        online = speaker.heard(partial(_status, online=True))
        if not wanted:
            return (online,)
        observed = speaker.heard(partial(_observations, wanted, said, meanings))
        return (online, observed) if is_birth else (observed,)

    def _birth(self, speaker: "_Speaker", said: _Payload) -> _Edge:
        """Remember a birth; that of the edge node makes all before it void."""
        edge = self._edges.get(speaker.edge_source)
        if speaker.device is None or edge is None:
            edge = self._edges[speaker.edge_source] = _Edge(bd_seq=_bd_seq(said))
            self._edges.move_to_end(speaker.edge_source)
            if len(self._edges) > REMEMBERED:
                self._edges.popitem(last=False)
        if speaker.device is not None:
            edge.devices.add(speaker.source)
        for one in said.metrics:
            if one.alias is not None and one.name is not None:
                edge.metrics[one.alias] = _Known(one.name, one.datatype)
        if len(edge.metrics) > MOST_METRICS:
            del self._edges[speaker.edge_source]
            raise ValueError(f"more than {MOST_METRICS} metrics of one edge node")
        return edge

    def _death(self, speaker: "_Speaker", said: _Payload) -> Sequence[Heard]:
        """Return who is gone: a device, or an edge node with all its devices.

        The Last Will of a connection that has a successor comes late, and says nothing.
        """
        if speaker.device is not None:
            return (speaker.heard(partial(_status, online=False)),)
        edge, died = self._edges.get(speaker.source, _Edge()), _bd_seq(said)
        if None not in (died, edge.bd_seq) and died != edge.bd_seq:
            return (speaker.heard(partial(_status, online=True)),)
        gone = [speaker.source, *sorted(edge.devices)]
        return [Heard(source=one, message=partial(_status, online=False)) for one in gone]

    def _follow(self, edge: _Edge, said: _Payload, speaker: "_Speaker") -> None:
        """Ask for a birth where a message is missing: it says all values again."""
        if said.seq is None:
            return
        begins = edge.seq is None or (speaker.kind == "BIRTH" and speaker.device is None)
        if not begins and said.seq != ((edge.seq or 0) + 1) % SEQUENCE:
            self._ask(speaker.commands)
        edge.seq = said.seq


class _Speaker(NamedTuple):
    """Of whom a topic speaks, and whether it is born, alive or dead."""

    group: str
    edge_node: str
    device: str | None
    kind: str

    @property
    def path(self) -> str:
        """Return its names, as a table's profile has them."""
        names = (self.group, self.edge_node, self.device)
        return "/".join(name for name in names if name is not None)

    @property
    def source(self) -> str:
        """Return what it is called here."""
        return SYSTEM + self.path.replace("%", "%25").replace(" ", "%20")

    @property
    def edge_source(self) -> str:
        """Return what its edge node is called here."""
        return self._replace(device=None).source

    @property
    def commands(self) -> str:
        """Return the topic of commands for its edge node."""
        return f"spBv1.0/{self.group}/NCMD/{self.edge_node}"

    def heard(self, message: Callable[[Device], Message]) -> Heard:
        """Return what it says of itself."""
        through = () if self.device is None else (self.edge_source,)
        return Heard(source=self.source, message=message, gateways=through)


def _speaker(topic: str) -> _Speaker | None:
    match = TOPIC.fullmatch(topic)
    if match is None:
        return None
    return _Speaker(match[1], match[3] or match[5], match[6], match[2] or match[4])


def _bd_seq(said: _Payload) -> Value | None:
    return next((one.value for one in said.metrics if one.name == BD_SEQ), None)


def rebirth_request(at: datetime) -> bytes:
    """Return the payload that asks an edge node to be born again."""
    at_ms = int(at.timestamp() * 1000)
    metric = encoded(1, REBIRTH.encode()) + encoded(3, at_ms) + encoded(4, BOOLEAN) + encoded(14, 1)
    return encoded(1, at_ms) + encoded(2, metric)


def _payload(data: bytes) -> _Payload:
    at_ms = seq = None
    metrics = []
    for number, value in fields(data):
        if number == 1:
            at_ms = number_of(value)
        elif number == 2:
            metrics.append(_metric(bytes_of(value), DEEPEST))
        elif number == 3:
            seq = number_of(value) % SEQUENCE
        elif number == 4:
            raise ValueError(f"a payload of the form {bytes_of(value)[:40]!r}: only plain ones are read")
    return _Payload(at_ms, seq, tuple(metrics))


def _metric(data: bytes, depth: int) -> _Metric:
    if depth == 0:
        raise ValueError(f"templates more than {DEEPEST} deep")
    name = alias = at_ms = datatype = None
    value: Value | None = None
    is_null = False
    parts: tuple[_Metric, ...] = ()
    for number, said in fields(data):
        match number:
            case 1:
                name = bytes_of(said).decode()
            case 2:
                alias = number_of(said)
            case 3:
                at_ms = number_of(said)
            case 4:
                datatype = number_of(said)
            case 7:
                is_null = bool(number_of(said))
            case 10 | 11:
                value = number_of(said)
            case 12 | 13:
                value = float_of(said)
            case 14:
                value = bool(number_of(said))
            case 15:
                value = bytes_of(said).decode()
            case 18:
                parts = _template(bytes_of(said), depth)
    return _Metric(name, alias, at_ms, datatype, None if is_null else value, parts)


def _template(data: bytes, depth: int) -> tuple[_Metric, ...]:
    """Return the metrics of an instance; a definition has none."""
    found = list(fields(data))
    if any(number == 5 and value for number, value in found):
        return ()
    return tuple(_metric(bytes_of(value), depth - 1) for number, value in found if number == 2)


def _named(metrics: Sequence[_Metric], known: Mapping[int, _Known]) -> Iterator[tuple[str, _Metric]]:
    """Yield the metrics that have a value with their names; raise LookupError for an unknown number."""
    for one in metrics:
        name, datatype = one.name, one.datatype
        if name is None:
            if one.alias is None or one.alias not in known:
                raise LookupError(one.alias)
            name, said = known[one.alias]
            datatype = said if datatype is None else datatype
        for inner, part in _named(one.parts, {}):
            yield f"{name}/{inner}", part if part.at_ms is not None else part._replace(at_ms=one.at_ms)
        if one.value is not None and datatype != DATETIME:
            yield name, one._replace(value=_signed(one.value, datatype))


def _signed(value: Value, datatype: int | None) -> Value:
    bits = BITS.get(datatype or 0)
    if bits is None or isinstance(value, bool | str):
        return value
    cut = int(value) % (1 << bits)
    return cut - (1 << bits) if cut >> (bits - 1) else cut


def _observations(
    wanted: Sequence[tuple[str, _Metric]],
    said: _Payload,
    meanings: Mapping[str, FieldMeaning],
    device: Device,
) -> Message:
    """Return what was measured, by the time of each metric.

    Messages within a millisecond are told apart by their number, as that many microseconds.
    """
    timed = sorted((_time(metric, said), name, metric.value) for name, metric in wanted)
    items = []
    for at, group in groupby(timed, key=lambda one: one[0]):
        values = quantities({name: value for _, name, value in group}, meanings, frozenset())
        if len(values) > MAX_QUANTITIES:
            raise ValueError(f"{len(values)} quantities; at most {MAX_QUANTITIES} are taken")
        items.append(Observation(device=device.id, observed_at=at, values=values))
    if len(items) > MAX_OBSERVATIONS:
        raise ValueError(f"{len(items)} observations; at most {MAX_OBSERVATIONS} are taken")
    return Observations(device=device.id, items=tuple(items))


def _time(metric: _Metric, said: _Payload) -> datetime:
    at_ms = said.at_ms if metric.at_ms is None else metric.at_ms
    if at_ms is None:
        raise ValueError("a metric without a time in a payload without one")
    return check_time(EPOCH + timedelta(milliseconds=at_ms, microseconds=said.seq or 0))


def _status(device: Device, *, online: bool) -> Message:
    return Status(device=device.id, online=online)
