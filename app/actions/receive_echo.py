"""A message went out from the company's account: one of ours, or one that a person wrote elsewhere."""

from datetime import datetime, timedelta

from app.actions.find_thread import Peer, contact_of, conversation_of, peer_on
from app.actions.receive_change import new_parked
from app.actions.recognise import named_by, with_proof
from app.actions.record_receipt import conversation_with
from app.events import ContactUpdated, Event, MessageNew, MessageStatus
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel
from app.models.conversation import Conversation
from app.models.delivery import Delivery, DeliveryState, Part
from app.models.entity import ContactId, ConversationId, Entity, MessageId, evolve
from app.models.message import Author, Direction, Message, MessageRole
from app.models.parked import EarlyEcho, Parked
from app.platforms.heard import Echoed

AUTHOR = "Another app"
DOUBT = timedelta(hours=1)  # in which an uncertain reply may still be echoed


async def receive_echo(hub: Hub, channel: Channel, echo: Echoed) -> None:
    """Recognise a message of ours, or store one that was written elsewhere: it is not sent again.

    While something of ours is on its way to this customer, or may have arrived, an echo that names nothing of ours is
    kept aside: it may be that message's own, which the platform's answer will tell.
    """
    peer = await peer_on(hub, channel, echo.peer)
    message_id = MessageId(hub.new_id())
    ours = echo.app_id is not None and echo.app_id == hub.settings.facebook_app_id
    latest = await conversation_with(hub, channel, echo.peer)  # closed or not: a reply may still be on its way there

    def decide(seen: Seen, now: datetime) -> Decision:
        if seen.get(Message.known_as(channel.id, echo.id)) is not None:
            return Decision()
        named = named_by(seen, channel, echo.our_id)
        if named is not None:
            return _recognised(hub, seen, named[0], named[1], echo.id, now)
        threads = (seen.get(peer.thread), seen.get(Conversation.ref(latest.id)) if latest else None)
        if ours or any(_may_be_sending(thread, now) for thread in threads):
            return Decision(puts=_kept_aside(seen, channel, echo, now, ours=ours))
        return written_elsewhere(seen, peer, early_of(echo), echo.id, message_id, min(echo.at or now, now), now)

    await hub.journal.commit(
        Change(
            company_id=channel.company_id,
            key=f"hook:{channel.id}:echo:{echo.id}",
            claimed=True,
            needs=(*peer.needs, Message.known_as(channel.id, echo.id), Parked.ref_of(channel.id, echo.id)),
            decide=decide,
        )
    )


def _may_be_sending(thread: Conversation | None, now: datetime) -> bool:
    """Tell whether something that we send to this customer, or lately sent perhaps, may be what is echoed."""
    if thread is None:
        return False
    return bool(thread.outbox) or (thread.uncertain_at is not None and now - thread.uncertain_at < DOUBT)


def _recognised(hub: Hub, seen: Seen, message: Message, index: int, external_id: str, now: datetime) -> Decision:
    conversation = seen.get(Conversation.ref(message.conversation_id))
    after = with_proof(hub, message, index, external_id, now)
    if conversation is None or after == message:
        return Decision()
    return Decision(puts=(after,), events=(MessageStatus(message=after, conversation=conversation),))


def early_of(echo: Echoed) -> EarlyEcho:
    """Return what must be kept of an echo to store it later."""
    return EarlyEcho(peer=echo.peer, app_id=echo.app_id or "", text=echo.text, attachments=echo.attachments)


def _kept_aside(seen: Seen, channel: Channel, echo: Echoed, now: datetime, *, ours: bool) -> tuple[Parked, ...]:
    before = seen.get(Parked.ref_of(channel.id, echo.id)) or new_parked(channel, echo.id, now)
    after = before if ours else evolve(before, echo=early_of(echo))
    return (after,) if after != before or not before.seq else ()


def written_elsewhere(
    seen: Seen, peer: Peer, echo: EarlyEcho, external_id: str, id: MessageId, at: datetime, now: datetime
) -> Decision:
    """Return what stores a message that went out without us."""
    channel = peer.channel
    contact, is_new = contact_of(seen, peer, now)
    conversation = conversation_of(seen, peer, contact, now)
    message = Message(
        id=id,
        company_id=channel.company_id,
        conversation_id=ConversationId(conversation.id),
        contact_id=ContactId(contact.id),
        channel_id=channel.id,
        platform=channel.platform,
        role=MessageRole.OPERATOR,
        direction=Direction.OUTBOUND,
        content=echo.text,
        attachments=echo.attachments,
        author=Author(kind="external", id=echo.app_id, name=AUTHOR),
        external_message_id=external_id,
        parts=(Part(index=0, external_id=external_id, state=DeliveryState.SENT.value),),
        delivery=Delivery(state=DeliveryState.SENT, sent_at=at),
        number=conversation.inbound_count,
        created_at=at,
    )
    conversation = conversation.with_message(message)
    puts: tuple[Entity, ...] = (contact, message, conversation) if is_new else (message, conversation)
    told: tuple[Event, ...] = (ContactUpdated(contact=contact),) if is_new else ()
    return Decision(puts=puts, events=(*told, MessageNew(message=message, conversation=conversation)))
