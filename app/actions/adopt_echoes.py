"""Store what was written elsewhere while something of ours was on its way: by now it is known not to be ours."""

from datetime import datetime, timedelta

from loguru import logger

from app.actions.find_account import channel_at
from app.actions.find_thread import peer_on
from app.actions.receive_echo import written_elsewhere
from app.errors import Refusal
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.entity import MessageId, evolve
from app.models.message import Message
from app.models.parked import Parked

PATIENCE = timedelta(seconds=60)  # until when the answer to a call of ours must have come
MOST = 200  # of a run


async def adopt_echoes(hub: Hub) -> int:
    """Look through the echoes that were kept aside for over a minute; return how many there were."""
    waiting = await hub.store.early_echoes.waiting(hub.now() - PATIENCE, MOST)
    for parked in waiting:
        channel = await channel_at(hub, parked.channel_id)
        try:
            await (_adopt(hub, channel, parked) if channel is not None else _let_go(hub, parked))
        except Refusal as refusal:
            logger.bind(channel_id=parked.channel_id, code=refusal.code).warning("an echo could not be adopted")
    return len(waiting)


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
