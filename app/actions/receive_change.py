"""Follow what a customer did to a message: changed it, took it back, or put a sign to it."""

from dataclasses import replace
from datetime import datetime

from app.events import Event, MessageDeleted, MessageUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.conversation import Conversation
from app.models.entity import evolve
from app.models.message import Message
from app.models.parked import Parked
from app.platforms.heard import Reacted, Rewrote, Withdrew

Told = Rewrote | Withdrew | Reacted


async def receive_change(hub: Hub, channel: Channel, told: Told) -> None:
    """Change the message; told of one that has not come yet, remember it for when it does.

    Told again, or told late of something older than what is known, it changes nothing.
    """

    def decide(seen: Seen, now: datetime) -> Decision:
        message = seen.get(Message.known_as(channel.id, told.id))
        if message is None:
            return Decision(puts=_parked(seen, channel, told, now))
        conversation = seen.get(Conversation.ref(message.conversation_id))
        after = _changed(message, told, now)
        if conversation is None or after == message:
            return Decision()
        moved = conversation.with_changed(after)
        kind = MessageDeleted if isinstance(told, Withdrew) else MessageUpdated
        events: tuple[Event, ...] = (kind(message=after, conversation=moved),)
        return Decision(puts=(after, moved), events=events)

    await hub.journal.commit(
        Change(
            company_id=channel.company_id,
            key=f"hook:{channel.id}:{type(told).__name__.lower()}:{told.id}:{hub.new_id()}",
            needs=(Message.known_as(channel.id, told.id),),
            decide=decide,
        )
    )


def _changed(message: Message, told: Told, now: datetime) -> Message:
    if message.deleted_at is not None:
        return message
    if isinstance(told, Reacted):
        return message.reacted("contact", told.emoji)
    if not message.is_inbound:
        return message  # our words are ours to change
    if isinstance(told, Withdrew):
        return message.deleted(now)
    at = min(told.at or now, now)
    if message.content == told.text or (message.edited_at is not None and at < message.edited_at):
        return message
    return replace(message, content=told.text, edited_at=at)


def _parked(seen: Seen, channel: Channel, told: Told, now: datetime) -> tuple[Parked, ...]:
    before = seen.get(Parked.ref_of(channel.id, told.id)) or new_parked(channel, told.id, now)
    if isinstance(told, Withdrew):
        return (evolve(before, withdrawn=True),)
    if isinstance(told, Reacted):
        return (evolve(before, emoji=told.emoji),)
    at = min(told.at or now, now)
    if before.text_at is not None and at < before.text_at:
        return ()
    return (evolve(before, text=told.text, text_at=at),)


def new_parked(channel: Channel, external_id: str, now: datetime) -> Parked:
    """Return the place where what is told of an unknown id is kept."""
    return Parked(
        id=f"{channel.id}:{external_id}",
        company_id=channel.company_id,
        channel_id=channel.id,
        external_id=external_id,
        at=now,
    )
