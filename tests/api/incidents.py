"""Let something happen, as a collector would: an event with its evidence and what becomes of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from gridwatch.evidence import EvidenceFiles
from gridwatch.model import Device, DeviceKind, Evidence, Finding, Location
from gridwatch.store import Store
from gridwatch.store.alerts import announce, settle
from gridwatch.store.devices import add_devices, get_device
from gridwatch.store.jobs import defer_notify

ADD_EVENT = """
    INSERT INTO event (id, device_key, scene, label, confidence, observed_at, received_at, alert_id)
    VALUES (%(id)s, %(device)s, %(scene)s, %(label)s, %(confidence)s, %(at)s, now(), %(alert)s)"""

ADD_EVIDENCE = """
    INSERT INTO evidence (event_id, position, media_type, sha256, size, url, masked)
    VALUES (%(event)s, %(position)s, %(media_type)s, %(sha256)s, %(size)s, %(url)s, %(masked)s)"""


def sensor(device: str, **given: Any) -> Device:
    """Return a fire sensor."""
    place = Location(lon=120.1, lat=30.2)
    return Device(**{"id": device, "scene": "fire", "kind": DeviceKind.SENSOR, "location": place, **given})


async def happen(
    store: Store,
    device: str,
    *,
    label: str = "flame",
    confidence: float = 0.9,
    files: EvidenceFiles | None = None,
    evidence: Sequence[Evidence] = (),
) -> Mapping[str, Any]:
    """Store an event of `device` in one transaction with its alert; return the ids of both."""
    known = await get_device(store, device)
    finding = Finding(label=label, confidence=confidence, observed_at=datetime.now(UTC))
    scene = known.device.scene
    event = uuid4()
    async with store.transaction() as connection:
        settled = await settle(connection, finding, known=known, scene=scene, extra_alarms={})
        row = {
            "id": event,
            "device": known.key,
            "scene": scene,
            "label": label,
            "confidence": confidence,
            "at": finding.observed_at,
            "alert": settled.alert_id,
        }
        await connection.execute(ADD_EVENT, row)
        for position, one in enumerate(evidence):
            kept = None if files is None or one.url else files.put(one.content, one.media_type)
            shown = {
                "event": event,
                "position": position,
                "media_type": one.media_type,
                "sha256": kept.sha256 if kept else None,
                "size": kept.size if kept else None,
                "url": one.url,
                "masked": one.masked,
            }
            await connection.execute(ADD_EVIDENCE, shown)
        if settled.alert_id is not None:
            if settled.raised:
                await defer_notify(connection, settled.alert_id, "raised")
            await announce(connection, {settled.alert_id: "raised" if settled.raised else "merged"})
    return {"event": event, "alert": settled.alert_id}


async def register(store: Store, *devices: Device) -> None:
    """Register devices."""
    await add_devices(store, devices)
