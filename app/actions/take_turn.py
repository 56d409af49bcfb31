"""Find what is due in the outbox, and claim it: whoever has the claim, and nobody else, gives it to the platform."""

from collections.abc import Iterable

from app.access import recalled
from app.hub import Hub
from app.models.channel import Channel
from app.models.entity import ChannelId, CompanyId
from app.models.gate import Gate
from app.models.outbox import Due, Turn

MOST_DUE = 500  # rows that one look takes in
PARKED = 300.0  # seconds until a channel that cannot send is looked at again; opening it wakes its rows at once


async def due_turns(hub: Hub, busy: Iterable[ChannelId]) -> list[Due]:
    """Return what is due, longest first; of these channels, and of those that are shut, only what must be ended."""
    now = hub.now()
    shut = [id for id, gate in hub.known.gates.items() if not gate.is_open(now)]
    return await hub.store.lanes.due({*busy, *shut}, MOST_DUE)


async def take_turn(hub: Hub, due: Due) -> Turn | None:
    """Return the claim on a row; None when it is another's, or when its channel may not send now.

    Then it is put off, before anything is claimed: a claim says that a message may have been sent. What is over its
    deadline cannot be put off, and is claimed in any case: its end must be told.
    """
    wait = wait_of(hub, await sending_channel(hub, due.company_id, due.channel_id))
    if wait > 0 and await hub.store.lanes.put_off(due.id, wait):
        return None
    return await hub.store.lanes.claim(due.id)


async def take_over(hub: Hub) -> list[Turn]:
    """Return claims on rows whose last claim ran out: their messages may have been sent."""
    expired = await hub.store.lanes.expired(MOST_DUE)
    claims = [await hub.store.lanes.claim(due.id, expired=True) for due in expired]
    return [turn for turn in claims if turn is not None]


async def sending_channel(hub: Hub, company_id: CompanyId, id: ChannelId) -> Channel | None:
    """Return the channel as this process knows it; one that cannot send is looked at again: it may, by now."""
    channel = await recalled(hub, company_id, Channel.ref(id))
    if channel is not None and channel.can_send:
        return channel
    return await hub.store.channels.get(company_id, id)


def wait_of(hub: Hub, channel: Channel | None) -> float:
    """Return for how many seconds nothing may go out on this channel."""
    if channel is None or not channel.is_connected:
        return 0.0  # it never will: the message fails, and says why
    if not channel.can_send:
        return PARKED
    gate = hub.known.gates.get(channel.id, Gate())
    return (gate.shut_until - hub.now()).total_seconds() if gate.shut_until else 0.0
