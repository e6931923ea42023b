"""Who may connect and does what is not his: written down with what happened to the broker, and an alert."""

from collections.abc import Mapping
from datetime import datetime

from gridwatch.model import Severity
from gridwatch.store.alerts import announce
from gridwatch.store.broker import What
from gridwatch.store.connection import Store
from gridwatch.store.devices import find_devices
from gridwatch.store.troubles import Trouble, raise_trouble

LABELS: Mapping[What, str] = {
    What.FLOODED: "device_flooding",
    What.TRESPASSED: "device_trespassing",
    What.TAKEN_OVER: "credential_shared",
}

DETECTOR = "doorkeeper/1"


async def raise_misuse(
    store: Store, what: What, device: str, extra_alarms: Mapping[str, Severity], *, now: datetime
) -> bool:
    """Raise an alert about a device; tell whether there was none of its kind open yet."""
    known = (await find_devices(store, [device])).get(device)
    if known is None:
        return False
    label = LABELS[what]
    trouble = Trouble(
        group=f"{label}:{device}",
        label=label,
        scene=known.device.scene,
        device_key=known.key,
        observed_at=now,
        detector=DETECTOR,
        criteria={},
    )
    async with store.transaction() as connection:
        alert_id = await raise_trouble(connection, trouble, extra_alarms, now=now)
        await announce(connection, {} if alert_id is None else {alert_id: "raise"})
    return alert_id is not None
