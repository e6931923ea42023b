"""Whether the installation lives and works, for supervisors and Prometheus."""

import asyncio
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel

from api.office import Office, TheOffice
from gridwatch.errors import SettingsError, StoreError
from gridwatch.running import mqtt_url
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.broker import What, broker_incidents, seen_broker
from gridwatch.store.condition import (
    LATELY,
    alert_counts,
    books_totals,
    clocks_off,
    collector_figures,
    failed_chores,
    fills,
    live_collectors,
    unbalanced_devices,
)
from gridwatch.store.gaps import gap_totals

router = APIRouter(tags=["health"])

PROBE_WITHIN_S = 2.0
"""Who asks for readiness asks often: an answer that comes later is a no."""

MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}


COLLECTOR_FIGURES = {
    "batches": ("gridwatch_collector_batches_total", "Batches that a collector committed"),
    "taken": (
        "gridwatch_collector_taken_messages_total",
        "Messages that a collector took in and acknowledged",
    ),
    "booked": ("gridwatch_collector_booked_messages_total", "Messages of them that stand in the books"),
    "commit_s": ("gridwatch_collector_commit_seconds_total", "Time that batches took to commit"),
    "slowest_commit_s": ("gridwatch_collector_slowest_commit_seconds", "The longest of them"),
    "late_s": ("gridwatch_collector_late_seconds", "Age of the last batch when it was committed"),
}
"""What collectors tell of themselves, as Prometheus hears it."""


class Alive(BaseModel):
    """The process answers."""

    alive: bool = True


class Readiness(BaseModel):
    """Whether the parts are there; `collectors` counts those subscribed and heard of in the last 5 s."""

    database: bool
    broker: bool
    collectors: int


@router.get("/healthz")
async def healthz() -> Alive:
    """Say that the process lives."""
    return Alive()


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(office: TheOffice) -> JSONResponse:
    """Say which parts are there: 200 when database and broker are, else 503."""
    collectors, broker = await asyncio.gather(_collectors(office), _broker(office.settings))
    said = Readiness(database=collectors is not None, broker=broker, collectors=collectors or 0)
    return JSONResponse(said.model_dump(), 200 if said.database and said.broker else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(office: TheOffice) -> Response:
    """Return figures for Prometheus; those of the database are left out while it is away."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Figures(await _figures(office)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def _collectors(office: Office) -> int | None:
    try:
        async with asyncio.timeout(PROBE_WITHIN_S):
            return await live_collectors(office.store)
    except (StoreError, TimeoutError):
        return None


async def _broker(settings: Settings) -> bool:
    try:
        url = urlsplit(mqtt_url(settings))
        port = url.port or MQTT_PORTS.get(url.scheme, 1883)
        async with asyncio.timeout(PROBE_WITHIN_S):
            _, writer = await asyncio.open_connection(url.hostname, port)
    except (SettingsError, ValueError, OSError, TimeoutError):
        return False
    writer.close()
    return True


class _Figures(Collector):
    def __init__(self, figures: list[Metric]) -> None:
        self._figures = figures

    def collect(self) -> list[Metric]:
        return self._figures


async def _figures(office: Office) -> list[Metric]:
    subscribers = GaugeMetricFamily("gridwatch_feed_subscribers", "Subscribers of the live feed")
    subscribers.add_metric([], office.feed.subscribers)
    up = GaugeMetricFamily("gridwatch_database_up", "1 while the database can be reached")
    try:
        async with asyncio.timeout(PROBE_WITHIN_S):
            stored = await _stored_figures(office)
    except (StoreError, TimeoutError):
        up.add_metric([], 0)
        return [subscribers, up]
    up.add_metric([], 1)
    return [subscribers, up, *stored]


async def _stored_figures(office: Office) -> list[Metric]:
    store = office.store
    collectors = _gauge("gridwatch_collectors", "Collectors that work", await live_collectors(store))
    messages = CounterMetricFamily("gridwatch_messages", "What became of messages", labels=["outcome"])
    for outcome, count in (await books_totals(store)).items():
        messages.add_metric([outcome], count)
    alerts = GaugeMetricFamily("gridwatch_alerts", "Alerts", labels=["scene", "state", "simulated", "drill"])
    for one in await alert_counts(store):
        marks = [str(mark).lower() for mark in (one.simulated, one.drill)]
        alerts.add_metric([one.scene, one.state, *marks], one.count)
    unbalanced = _gauge(
        "gridwatch_books_unbalanced_devices",
        "Devices whose received messages are not all accounted for: any is an alarm",
        await unbalanced_devices(store),
    )
    return [
        collectors,
        messages,
        alerts,
        unbalanced,
        *await _sequence_figures(store),
        *await _broker_figures(store),
        *await _collector_figures(store),
        *await _fill_figures(store),
    ]


async def _fill_figures(store: Store) -> list[Metric]:
    messages = GaugeMetricFamily("gridwatch_kept_items", "Messages or files that are kept", labels=["what"])
    size = GaugeMetricFamily("gridwatch_kept_bytes", "Their size", labels=["what"])
    share = GaugeMetricFamily("gridwatch_kept_share", "Of the limit; at 1 the oldest goes", labels=["what"])
    for name, fill in (await fills(store)).items():
        messages.add_metric([name], fill.count)
        size.add_metric([name], fill.bytes)
        share.add_metric([name], fill.share)
    return [messages, size, share]


async def _collector_figures(store: Store) -> list[Metric]:
    told = await collector_figures(store)
    families: list[Metric] = []
    for figure, (name, what) in COLLECTOR_FIGURES.items():
        kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
        family = kind(name, what, labels=["collector"])
        for collector, figures in told.items():
            family.add_metric([collector], figures.get(figure, 0))
        families.append(family)
    return families


async def _sequence_figures(store: Store) -> list[Metric]:
    gaps, missing = await gap_totals(store)
    off, jumped = await clocks_off(store)
    chores = await failed_chores(store)
    return [
        _gauge("gridwatch_sequence_gaps", "Gaps in devices' numbers that are open", gaps),
        _gauge("gridwatch_sequence_missing", "Messages missing in open gaps", missing),
        _gauge("gridwatch_device_clocks_off", "Devices whose clock is off by more than a minute", off),
        _gauge("gridwatch_device_clocks_jumped", "Devices whose clock was set in the last day", jumped),
        _gauge(
            "gridwatch_chores_failed", "Periodic jobs of the collectors that failed last time", len(chores)
        ),
    ]


async def _broker_figures(store: Store) -> list[Metric]:
    incidents = GaugeMetricFamily(
        "gridwatch_broker_incidents", "What happened to the broker in the last day", labels=["what"]
    )
    happened = await broker_incidents(store, LATELY)
    for what in What:
        incidents.add_metric([what], sum(one.count for one in happened if one.what is what))
    seen = await seen_broker(store)
    if seen is None:
        return [incidents]
    return [
        incidents,
        _gauge("gridwatch_broker_uptime_seconds", "Of the broker, when last seen", seen.uptime_s),
        _gauge("gridwatch_broker_kept_messages", "Messages that the broker keeps for others", seen.kept),
        _gauge(
            "gridwatch_broker_seen_timestamp_seconds",
            "When the broker last spoke of itself",
            seen.seen_at.timestamp(),
        ),
    ]


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)
