"""Readiness tells what is there and what is not."""

from pathlib import Path

import httpx

from gridwatch.settings import Settings
from gridwatch.store import Store
from tests.api.serving import at_store, serving, settings_for
from tests.servers import Mosquitto

ADD_COLLECTORS = """
    INSERT INTO collector (client_id, slot, pid, subscribed, heartbeat_at, adopted_by) VALUES
        ('works', 0, 1, true, now(), NULL),
        ('silent', 1, 2, true, now() - interval '6 s', NULL),
        ('not yet', 2, 3, false, now(), NULL),
        ('adopted', 3, 1, true, now(), 'works')"""


def _beside(settings: Settings, mosquitto: Mosquitto) -> Settings:
    return settings.model_copy(update={"mqtt_url": mosquitto.url})


def test_readiness_counts_collectors_that_work_and_looks_for_the_broker(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async def three(store: Store) -> None:
        await store.execute(ADD_COLLECTORS)

    with serving(_beside(settings_for(database_url, tmp_path), mosquitto)) as url:
        at_store(database_url, three)
        ready = httpx.get(f"{url}/readyz")
        assert ready.status_code == 200
        assert ready.json() == {"database": True, "broker": True, "collectors": 1}
        mosquitto.stop()
        alone = httpx.get(f"{url}/readyz")
        assert (alone.status_code, alone.json()["broker"]) == (503, False)
        mosquitto.start()
