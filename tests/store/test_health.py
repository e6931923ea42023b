"""When a device was last heard, whatever it sends."""

import pytest

from gridwatch.model import Device, DeviceKind
from gridwatch.store import Store
from gridwatch.store.health import devices_health
from tests.api.incidents import happen, register

pytestmark = pytest.mark.anyio

SENT = """INSERT INTO medium (device_key, kind, observed_at, received_at)
    SELECT key, %(kind)s, now(), now() FROM device WHERE id = %(device)s"""


async def test_a_camera_is_heard_by_its_pictures_clips_and_findings(database_url: str) -> None:
    ids = ("frames", "clips", "findings", "nothing")
    async with Store.open(database_url) as store:
        await register(store, *(Device(id=one, scene="throwing", kind=DeviceKind.CAMERA) for one in ids))
        await store.execute(SENT, {"kind": "frame", "device": "frames"})
        await store.execute(SENT, {"kind": "clip", "device": "clips"})
        await happen(store, "findings", label="falling_object")
        heard = {row["id"]: row["seen_at"] is not None for row in await devices_health(store)}
    assert heard == {"frames": True, "clips": True, "findings": True, "nothing": False}
