"""One collector: a slot, two MQTT sessions, detector processes, and the tasks between them.

Every task is fatal when it dies: the process ends, and whoever supervises it starts it again.
"""

import asyncio
import logging
from datetime import timedelta
from functools import partial

from detectors import DetectorOptions
from gridwatch.broker_address import BrokerAddress
from gridwatch.evidence import EvidenceFiles
from gridwatch.running import database_url, mqtt_url
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.books import add_up_books
from gridwatch.store.collectors import hold_slot
from gridwatch.store.observations import forget_old_identities
from gridwatch.wire import topic_of
from ingest.backups import backup_chores
from ingest.broker import Session
from ingest.broker_watch import watch_broker
from ingest.clocks import Limits
from ingest.figures import tell
from ingest.keeping import keeping_chores
from ingest.media import WINDOW as MEDIA_WINDOW
from ingest.media import take_media
from ingest.pipeline import WINDOW as READINGS_WINDOW
from ingest.pipeline import take_readings
from ingest.pool import Pool
from ingest.recorder import Recorder
from ingest.registry import Registry
from ingest.sensors import Sensors
from ingest.sequences import Sequences
from ingest.timekeeper import Timekeeper
from ingest.upkeep import Chore, keep_up

log = logging.getLogger(__name__)

CONNECTIONS = 8
"""Slot, registry, readings, one per lane, and some to look things up."""

READINGS = [topic_of("+", kind) for kind in ("readings", "status", "state", "command/result")]
CHORES = (
    Chore(name="add up the books", every=timedelta(seconds=10), work=add_up_books),
    Chore(name="forget old identities", every=timedelta(hours=1), work=forget_old_identities),
)

MEDIA = [topic_of("+", kind) for kind in ("frame/+", "clip/+", "finding")]


async def collect(settings: Settings) -> None:
    """Run a collector until it is cancelled."""
    connections = CONNECTIONS + settings.detector_workers
    sessions: list[Session] = []
    slot: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def client_id(number: int) -> str:
        return f"{settings.installation}-{number}"

    def subscribed() -> bool:
        return bool(sessions) and all(session.subscribed for session in sessions)

    async with (
        Store.open(database_url(settings), connections=connections) as store,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(hold_slot(store, client_id, slot, subscribed), name="slot")
        await _run(settings, store, client_id(await slot), sessions)


async def _run(settings: Settings, store: Store, client_id: str, sessions: list[Session]) -> None:
    log.info("collector %s begins", client_id)
    options = DetectorOptions(
        elevator_onnx=settings.elevator_onnx, elevator_classes=settings.elevator_classes
    )
    registry, sensors, recorder = Registry(store), Sensors(store), Recorder(store, settings.alarms)
    limits = Limits(future_s=settings.future_s, old_s=settings.old_days * 86_400)
    clocks = Timekeeper(store, limits)
    sequences = Sequences(store)
    files = EvidenceFiles(settings.data_dir / "evidence")
    session = partial(Session.open, mqtt_url(settings))
    async with (
        Pool.open(settings.detector_workers, options) as pool,
        session(client_id=f"{client_id}-readings", topics=READINGS, window=READINGS_WINDOW) as readings,
        session(client_id=f"{client_id}-media", topics=MEDIA, window=MEDIA_WINDOW) as media,
        asyncio.TaskGroup() as tasks,
    ):
        sessions += [readings, media]
        tasks.create_task(registry.follow(), name="registry")
        tasks.create_task(keep_up(store, [*CHORES, *keeping_chores(settings, files)]), name="upkeep")
        tasks.create_task(keep_up(store, backup_chores(settings)), name="backup")
        tasks.create_task(clocks.keep(), name="clocks")
        tasks.create_task(tell(store, client_id, recorder.figures, sessions), name="figures")
        tasks.create_task(watch_broker(store, BrokerAddress.parse(mqtt_url(settings))), name="broker watch")
        tasks.create_task(sequences.follow(), name="sequences")
        tasks.create_task(
            take_readings(readings, registry, clocks, sensors, recorder, sequences), name="readings"
        )
        tasks.create_task(take_media(media, registry, pool, files, recorder), name="media")
