"""Break what can break under a steady load: nothing lost, nothing there twice, by the publisher's count.

The same programmes at full size are `python -m bench.faults`.
"""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from bench import mutants, saves
from bench.faults import FAULTS
from bench.mutator import WEIGHTS, Mutator
from bench.ordeals import Outcome
from bench.saves import Setting
from bench.stream import Gateway, Load, compare, device_name, reading
from gridwatch.cli.up.broker import find_mosquitto
from gridwatch.errors import UnreadableMessage
from gridwatch.wire import decode
from tests.collectors import ask, register, running_collector, totals
from tests.servers import Mosquitto, wait_until

MESSAGES = 200
DISK_FAULTS = {"full-evidence-disk", "full-database-disk"}
HARMLESS = [
    name for name in FAULTS if not name.startswith("save-") and name not in {"mutants", "kill-broker"}
]
"""A killed broker loses what it did not save: its own tests say how much."""


def gateway_of(port: int, load: Load) -> Gateway:
    """Return a gateway that publishes the whole load as fast as it can."""
    message = partial(reading, load)
    return Gateway(port, "gateway", message=message, rate=0, stop=threading.Event(), most=load.most)


def test_the_comparison_finds_what_is_lost_and_what_is_there_twice(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    load = Load(devices=3, rate=0, begin_us=time.time_ns() // 1_000, most=MESSAGES)
    for number in range(load.devices):
        register(database_url, device_name(number), "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path):
        assert gateway_of(mosquitto.port, load).run().messages == MESSAGES
        wait_until(lambda: totals(database_url)["stored"] == MESSAGES)
    whole = compare(database_url, load, MESSAGES)
    assert (whole.lost, whole.twice, whole.strangers, whole.books_wrong) == (0, 0, 0, 0)
    ask(database_url, "DELETE FROM observation WHERE seq = 7")
    ask(
        database_url,
        """INSERT INTO book_page SELECT key, 1, -1 FROM device WHERE id = 'stream-0001'
           ON CONFLICT (device_key, kind) DO UPDATE SET count = book_page.count - 1""",
    )
    ask(
        database_url,
        """INSERT INTO reading (device_key, quantity_key, flags, observed_at, scaled, delay_ms, divisor)
           SELECT device_key, quantity_key, flags, observed_at, scaled, delay_ms, divisor FROM readings
           LIMIT 1""",
    )
    broken = compare(database_url, load, MESSAGES)
    assert (broken.lost, broken.twice, broken.books_wrong) == (3, 1, 1)
    assert compare(database_url, replace(load, begin_us=load.begin_us + 1), MESSAGES).strangers > 0


def test_a_gateway_sends_again_what_a_killed_broker_did_not_acknowledge(mosquitto: Mosquitto) -> None:
    load = Load(devices=3, rate=0, begin_us=time.time_ns() // 1_000, most=60_000)
    gateway = gateway_of(mosquitto.port, load)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(gateway.run)
        wait_until(lambda: gateway.given_out > 5_000, what="it publishes")
        mosquitto.kill()
        mosquitto.start()
        published = running.result(60)
    assert (published.messages, published.reconnects) == (60_000, 1)


def test_mutants_are_of_every_kind_readable_and_not_and_the_same_for_the_same_seed() -> None:
    began = time.time()
    found = [b"\x00[{}]", b"\x03online"]
    first, second = Mutator(3, began, found), Mutator(3, began, found)
    made = [first.message(number) for number in range(3_000)]
    assert made == [second.message(number) for number in range(3_000)]
    assert first.kinds.keys() == WEIGHTS.keys()
    assert first.counted.total() == first.kinds.total() == 3_000
    fates: Counter[bool] = Counter()
    for topic, payload in made:
        try:
            decode(topic, payload, received_at=datetime.now(UTC))
        except UnreadableMessage:
            fates[False] += 1
        else:
            fates[True] += 1
    assert min(fates[True], fates[False]) > 500


@pytest.mark.slow
@pytest.mark.skipif(find_mosquitto() is None, reason="needs Mosquitto")
@pytest.mark.parametrize("name", HARMLESS)
def test_nothing_is_lost_and_nothing_is_there_twice(name: str) -> None:
    try:
        outcome: Outcome = FAULTS[name].run(FAULTS[name].quick)
    except PermissionError as error:
        assert name in DISK_FAULTS
        pytest.skip(str(error))
    compared = outcome.compared
    assert compared.published > 5_000
    assert (compared.lost, compared.twice, compared.strangers, compared.books_wrong) == (0, 0, 0, 0)
    assert outcome.collector_ends == (outcome.faults if name == "kill-collector" else 0)
    if name == "full-evidence-disk":
        seen = outcome.seen
        assert seen["findings_stored"] == seen["findings_sent"] > 0
        assert seen["findings_stored_while_full"] == 0
        assert seen["readings_stored_per_s_while_full"] > 0
        assert seen["evidence_rows_without_file"] == seen["evidence_files_without_row"] == 0


@pytest.mark.slow
@pytest.mark.skipif(find_mosquitto() is None, reason="needs Mosquitto")
def test_a_killed_broker_loses_no_more_than_it_took_after_its_last_save() -> None:
    fault = FAULTS["kill-broker"]
    outcome: Outcome = fault.run(fault.quick)
    assert (outcome.compared.twice, outcome.compared.strangers) == (0, 0)
    # With the collector there, all but what was under way in that moment had been passed on.
    assert outcome.compared.lost < outcome.faults * fault.quick.rate


@pytest.mark.slow
@pytest.mark.skipif(find_mosquitto() is None, reason="needs Mosquitto")
def test_what_an_absent_collector_loses_by_a_killed_broker_is_bounded_by_the_save_interval() -> None:
    often = saves.measure(Setting(on_changes=True, interval=100), saves.QUICK)
    assert often.lost <= 2 * 100 * often.kills


@pytest.mark.slow
@pytest.mark.skipif(find_mosquitto() is None, reason="needs Mosquitto")
def test_mutated_messages_are_all_accounted_for_and_end_no_process() -> None:
    found = mutants.measure(mutants.QUICK)
    accounted = found.stored + found.duplicate + found.quarantined + found.skipped
    assert found.published == found.received == accounted
    assert (found.books_wrong, found.same_processes) == (0, True)
    assert min(found.stored, found.quarantined) > found.published / 10
    assert (found.valid.lost, found.valid.twice, found.valid.books_wrong) == (0, 0, 0)
