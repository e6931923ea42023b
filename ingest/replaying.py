"""Publish quarantined messages again on their own topics, oldest first."""

from collections.abc import Iterable

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import BrokerError, NotFound
from gridwatch.store import Store
from gridwatch.store.knocks import wanted_replays
from gridwatch.store.quarantine import take_out

PUBLISH_TIMEOUT_S = 10
AT_ONCE = 500
"""Messages of one turn: other chores wait meanwhile."""


async def replay(store: Store, address: BrokerAddress, messages: Iterable[int]) -> list[int]:
    """Publish messages again; return those that did not wait any more. Raises BrokerError."""
    gone: list[int] = []
    try:
        async with address.client(
            timeout=PUBLISH_TIMEOUT_S,
        ) as client:
            for message in messages:
                try:
                    async with take_out(store, message) as row:
                        await client.publish(row["topic"], row["payload"], qos=1)
                except NotFound:
                    gone.append(message)
    except aiomqtt.MqttError as error:
        raise BrokerError(f"the broker at {address.host}:{address.port} took no message: {error}") from error
    return gone


async def replay_wanted(address: BrokerAddress, store: Store) -> None:
    """Publish what devices that were adopted had sent before; raise BrokerError."""
    wanted = await wanted_replays(store, limit=AT_ONCE)
    if wanted:
        await replay(store, address, wanted)
