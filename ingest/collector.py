"""One collector: its slots, two MQTT sessions of each, detector processes, and the tasks between them.

Every task is fatal when it dies: the process ends, and whoever supervises it starts it again.
"""

import asyncio
import gc
import logging
from datetime import timedelta
from functools import partial

from detectors import DetectorOptions
from gridwatch.broker_address import BrokerAddress
from gridwatch.evidence import EvidenceFiles
from gridwatch.fire_danger import read_tables
from gridwatch.formats import read_formats
from gridwatch.learnt import model_in_use
from gridwatch.running import database_url, mqtt_url
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.books import add_up_books, put_heard_into_use
from gridwatch.store.observations import forget_old_identities
from gridwatch.wire import topic_of
from ingest.area_topics import AreaTopics
from ingest.backups import backup_chores
from ingest.broker import Session
from ingest.broker_watch import watch_broker
from ingest.clocks import Limits
from ingest.figures import tell
from ingest.fire_weather import fire_weather_chores
from ingest.foreign import Foreign
from ingest.interlocks import Interlocks
from ingest.keeping import keeping_chores
from ingest.liveness import liveness_chores, quality_chores
from ingest.media import WINDOW as MEDIA_WINDOW
from ingest.media import take_media
from ingest.memories import Memories
from ingest.outbox import Outbox
from ingest.pipeline import WINDOW as READINGS_WINDOW
from ingest.pipeline import take_readings
from ingest.pool import Pool
from ingest.recorder import Recorder
from ingest.registry import Registry
from ingest.replaying import replay_wanted
from ingest.sensors import Sensors
from ingest.sequences import Sequences
from ingest.shares import MARKER, Share, join_the_work
from ingest.slots import Duty, hold_slots
from ingest.storage import storage_chores
from ingest.timekeeper import Timekeeper
from ingest.upkeep import Chore, keep_up
from ingest.usual import usual_chores

log = logging.getLogger(__name__)

CONNECTIONS = 13
"""Slots, registry, new commands, words of lifts, topics of areas (two), readings, one per lane, some to look
things up and to ask lifts; adopted slots share them."""

READINGS = [MARKER, *(topic_of("+", kind) for kind in ("readings", "status", "state", "command/result"))]
CHORES = (
    Chore(name="add up the books", every=timedelta(seconds=2), work=add_up_books),
    Chore(name="put heard devices into use", every=timedelta(seconds=10), work=put_heard_into_use),
    Chore(name="forget old identities", every=timedelta(hours=1), work=forget_old_identities),
)

REPLAY_EVERY = timedelta(seconds=2)
"""Who adopts a device waits for what it sent."""

CYCLES_AFTER = (50_000, 50, 50)
"""New objects after which Python looks for cycles, and how seldom among older ones. What is in hand is that
much, and none of it is a cycle; by Python's own figures all that is remembered of 100,000 devices was gone
through every three seconds, for 0.8 s."""

MEDIA = [MARKER, *(topic_of("+", kind) for kind in ("frame/+", "clip/+", "finding"))]


async def collect(settings: Settings) -> None:
    """Run a collector until it is cancelled."""
    gc.set_threshold(*CYCLES_AFTER)
    formats = read_formats(settings.formats)
    options = DetectorOptions(
        fire_onnx=settings.fire_onnx,
        fire_classes=settings.fire_classes,
        elevator_onnx=settings.elevator_onnx,
        elevator_classes=settings.elevator_classes,
        elevator_model=model_in_use(settings.data_dir, "elevator"),
        originals=frozenset(settings.originals),
    )
    files = EvidenceFiles(settings.data_dir / "evidence")
    connections = CONNECTIONS + settings.detector_workers
    async with (
        Store.open(database_url(settings), connections=connections) as store,
        Pool.open(settings.detector_workers, options) as pool,
        asyncio.TaskGroup() as tasks,
    ):
        registry, sequences = Registry(store), Sequences(store)
        foreign = Foreign.of(formats)
        address = BrokerAddress.parse(mqtt_url(settings))
        outbox = Outbox(store, address)
        tasks.create_task(foreign.rebirths.ask(address), name="rebirths")
        tasks.create_task(outbox.run(), name="commands")
        tasks.create_task(AreaTopics(store, address).run(), name="topics of areas")
        interlocks = Interlocks(store, settings.alarms)
        tasks.create_task(interlocks.run(), name="interlocks")
        tasks.create_task(registry.follow(), name="registry")
        tasks.create_task(foreign.links.keep(store), name="links")
        tasks.create_task(keep_up(store, backup_chores(settings)), name="backup")
        tasks.create_task(keep_up(store, liveness_chores(settings)), name="liveness")
        tasks.create_task(keep_up(store, quality_chores(settings)), name="quality")
        tasks.create_task(keep_up(store, fire_weather_chores(settings)), name="fire weather")
        tasks.create_task(keep_up(store, usual_chores()), name="usual")
        chores = [*CHORES, *keeping_chores(settings, files), *storage_chores(settings)]
        tasks.create_task(keep_up(store, chores), name="upkeep")
        replays = Chore(name="replay", every=REPLAY_EVERY, work=partial(replay_wanted, address))
        tasks.create_task(keep_up(store, [replays]), name="replays")
        tasks.create_task(sequences.follow(), name="sequences")
        tasks.create_task(watch_broker(store, address), name="broker watch")
        work = partial(_work, settings, store, registry, sequences, pool, files, foreign, outbox, interlocks)
        await hold_slots(store, settings.installation, work)


async def _work(
    settings: Settings,
    store: Store,
    registry: Registry,
    sequences: Sequences,
    pool: Pool,
    files: EvidenceFiles,
    foreign: Foreign,
    outbox: Outbox,
    interlocks: Interlocks,
    duty: Duty,
) -> None:
    """Do the work of one slot: its two sessions, and a memory of devices that is as old as they are."""
    log.info("collector %s begins", duty.client_id)
    sensors = Sensors(store, read_tables(settings.fire_danger))
    recorder = Recorder(store, settings.alarms, heard=outbox.heard)
    clocks = Timekeeper(store, Limits(future_s=settings.future_s, old_s=settings.old_days * 86_400))
    session = partial(Session.open, mqtt_url(settings), no_longer=foreign.no_longer)

    def forget() -> None:
        sensors.forget()
        clocks.forget()

    topics, pictured = [*READINGS, *foreign.readings], [*MEDIA, *foreign.media]
    async with (
        session(client_id=f"{duty.client_id}-readings", topics=topics, window=READINGS_WINDOW) as readings,
        session(client_id=f"{duty.client_id}-media", topics=pictured, window=MEDIA_WINDOW) as media,
        asyncio.TaskGroup() as tasks,
    ):
        duty.sessions += [readings, media]
        tasks.create_task(clocks.keep(), name="clocks")
        tasks.create_task(sensors.keep(), name="sensors")
        tasks.create_task(tell(store, duty.client_id, recorder.figures, duty.sessions), name="figures")
        ours = Share(readings, store, duty.number, sender=foreign.sender, moved=forget)
        tasks.create_task(
            take_readings(ours, registry, clocks, sensors, recorder, sequences, foreign), name="readings"
        )
        memories = Memories(store)
        pictures = Share(media, store, duty.number, sender=foreign.sender, moved=memories.forget)
        looking = take_media(pictures, registry, pool, files, memories, recorder, foreign, interlocks.looked)
        tasks.create_task(looking, name="media")
        address = BrokerAddress.parse(mqtt_url(settings))
        await join_the_work(store, address, settings.installation, duty.number, duty.subscribed)
