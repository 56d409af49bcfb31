"""Shut and open a channel's gate as its platform answers, for every process."""

from collections.abc import Callable
from contextlib import suppress

from app.errors import Unavailable
from app.hub import Hub
from app.models.entity import ChannelId
from app.models.failure import Failure
from app.models.gate import Gate

MOST_RACES = 20  # with other processes, or with the other answers to this one


async def refresh_gates(hub: Hub) -> None:
    """Read anew which channels are in trouble: another process may have learned of it.

    What this process learned while it read is newer than what it read.
    """
    known = hub.known.gates
    before = dict(known)
    found = await hub.store.gates.all()
    for id in {*known, *found}:
        if known.get(id) is not before.get(id):
            continue
        if id in found:
            known[id] = found[id]
        else:
            del known[id]


async def note_failure(hub: Hub, channel_id: ChannelId, failure: Failure) -> Gate:
    """Return the channel's gate after a failure."""
    return await _move(hub, channel_id, lambda gate: gate.after(failure, hub.now()))


async def note_success(hub: Hub, channel_id: ChannelId) -> None:
    """Take note that a message went through; nothing is written for a channel that was well."""
    if channel_id in hub.known.gates:
        await _move(hub, channel_id, lambda gate: gate.after_success(hub.now()))


async def _move(hub: Hub, channel_id: ChannelId, change: Callable[[Gate], Gate]) -> Gate:
    before = after = hub.known.gates.get(channel_id, Gate())
    with suppress(Unavailable):  # then it holds in this process, and what the message came to is not lost for it
        for _ in range(MOST_RACES):
            after = change(before)
            if after == before or await hub.store.gates.replace(channel_id, before, after):
                break
            before = await hub.store.gates.get(channel_id)
    if after == Gate():
        hub.known.gates.pop(channel_id, None)
    else:
        hub.known.gates[channel_id] = after
    return after
