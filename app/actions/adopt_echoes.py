"""Store what was written elsewhere while something of ours was on its way: by now it is known not to be ours."""

import asyncio
from datetime import datetime, timedelta

from loguru import logger

from app.actions.find_account import channel_at
from app.actions.find_thread import peer_on
from app.actions.receive_echo import written_elsewhere
from app.errors import Refusal
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.entity import ChannelId, MessageId, evolve
from app.models.message import Message
from app.models.parked import Parked

PATIENCE = timedelta(seconds=60)  # until when the answer to a call of ours must have come
PAGE = 200  # echoes


async def adopt_echoes(hub: Hub) -> int:
    """Look through the echoes that were kept aside for over a minute, the oldest first; return how many there were.

    Channels go side by side. When an echo of one fails, the rest of that channel waits for the next run behind it, in
    its order, and holds up no other channel's: what is not adopted within the hour is lost.
    """
    seen, last, failed = 0, None, dict[ChannelId, BaseException]()
    while page := await hub.store.early_echoes.waiting(PATIENCE, PAGE, after=last):
        seen, last = seen + len(page), page[-1]
        lines: dict[ChannelId, list[Parked]] = {}
        for parked in page:
            lines.setdefault(parked.channel_id, []).append(parked)
        ids = [id for id in lines if id not in failed]
        ended = await asyncio.gather(*(_adopt_in_turn(hub, lines[id]) for id in ids), return_exceptions=True)
        failed.update((id, error) for id, error in zip(ids, ended, strict=True) if error is not None)
    for id, error in failed.items():
        logger.bind(channel_id=id, error=type(error).__name__).warning("an echo could not be adopted")
    if unexpected := [error for error in failed.values() if not isinstance(error, Refusal)]:
        raise unexpected[0]
    return seen


async def _adopt_in_turn(hub: Hub, line: list[Parked]) -> None:
    """Adopt a channel's echoes one after the other, until one fails."""
    for parked in line:
        channel = await channel_at(hub, parked.channel_id)
        await (_adopt(hub, channel, parked) if channel is not None else _let_go(hub, parked))


async def _adopt(hub: Hub, channel: Channel, parked: Parked) -> None:
    """Store one, unless it turned out to be a message of ours, or may still: an uncertain one is for a person."""
    assert parked.echo is not None
    echo = parked.echo
    peer = await peer_on(hub, channel, echo.peer)
    message_id = MessageId(hub.new_id())

    def decide(seen: Seen, now: datetime) -> Decision:
        known = seen.get(Parked.ref(parked.id))
        if known is None or known.echo is None:
            return Decision()
        settled = evolve(known, echo=None)
        if seen.get(Message.known_as(channel.id, parked.external_id)) is not None:
            return Decision(puts=(settled,))
        stored = written_elsewhere(seen, peer, echo, parked.external_id, message_id, min(parked.at, now), now)
        return Decision(puts=(*stored.puts, settled), events=stored.events)

    await hub.journal.commit(
        Change(
            company_id=channel.company_id,
            key=f"hook:{channel.id}:echo:{parked.external_id}",
            claimed=True,
            needs=(*peer.needs, Message.known_as(channel.id, parked.external_id), Parked.ref(parked.id)),
            decide=decide,
        )
    )


async def _let_go(hub: Hub, parked: Parked) -> None:
    """Settle an echo whose channel is gone: nobody is told of it any more."""

    def decide(seen: Seen, now: datetime) -> Decision:
        known = seen.get(Parked.ref(parked.id))
        return Decision(puts=(evolve(known, echo=None),)) if known and known.echo else Decision()

    await hub.journal.commit(
        Change(company_id=parked.company_id, key=f"echo:{parked.id}:{hub.new_id()}", decide=decide)
    )
