"""Through which gateway a device of a foreign format speaks: learned from its messages.

Only where the registry states none: what people say is never changed. With the link an outage of the gateway
is one alert, and not one for each device behind it.
"""

import asyncio
import logging
from collections.abc import Sequence

from gridwatch.errors import StoreError
from gridwatch.model import Device, DeviceKind
from gridwatch.store import Store
from gridwatch.store.devices import link_to_gateways

log = logging.getLogger(__name__)

KEEP_EVERY_S = 10.0


class Links:
    """What was heard of gateways since it was last written."""

    def __init__(self) -> None:
        self._heard: dict[str, Sequence[str]] = {}

    def note(self, device: Device, gateways: Sequence[str]) -> None:
        """Note that a device spoke through one of these gateways, by their sources, the likeliest first.

        A gateway receives the commands of the devices behind it: only one whose `source` says whose it is
        gets a link.
        """
        if gateways and device.source and device.gateway is None and device.kind is not DeviceKind.GATEWAY:
            self._heard[device.id] = gateways

    async def keep(self, store: Store) -> None:
        """Write what was heard into the registry, for ever."""
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            try:
                await self.write(store)
            except StoreError as error:
                log.warning("gateways of devices are not kept: %s", error)

    async def write(self, store: Store) -> None:
        """Write what was heard into the registry; raises StoreError."""
        heard, self._heard = self._heard, {}
        if heard:
            for device, gateway in await link_to_gateways(store, heard):
                log.info("%s speaks through %s", device, gateway)
