"""Correct a message's words, or note that it was read or delivered."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.access import access_message, company_of
from app.actions.check_attachments import check_attachments
from app.actions.keys import Done, change_key, digest_of
from app.errors import Invalid, NotEditable, NotFound
from app.events import MessageUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.caller import Caller
from app.models.conversation import Conversation
from app.models.delivery import DeliveryState
from app.models.message import Attachment, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What shall change; None leaves it as it is."""

    content: str | None = None
    attachments: tuple[Attachment, ...] | None = None
    read: bool | None = None
    delivered: bool | None = None


async def edit_message(hub: Hub, caller: Caller, id: str, edit: Edit, client_key: str | None = None) -> Done:
    """Return the message as it is now. Raises NotFound, NotEditable, Invalid."""
    check_attachments(hub, edit.attachments or ())
    before = await access_message(hub, caller, id)
    key, claimed = change_key(hub, caller, "edit_message", client_key)

    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = seen.get(Message.ref(id)), seen.get(Conversation.ref(before.conversation_id))
        if message is None or conversation is None:
            raise NotFound
        if message.deleted_at is not None:
            raise NotEditable
        after, moved = _edited(message, conversation, edit, now)
        if after == message and moved == conversation:
            return Decision(answer=message.view(conversation.marks))
        return Decision(puts=(after, moved), events=(MessageUpdated(message=after, conversation=moved),))

    done = await hub.journal.commit(
        Change(
            company_id=company_of(caller),
            key=key,
            claimed=claimed,
            digest=digest_of(id, edit),
            needs=(Message.ref(id), Conversation.ref(before.conversation_id)),
            decide=decide,
        )
    )
    return Done.of(done, "message")


def _edited(message: Message, conversation: Conversation, edit: Edit, now: datetime) -> tuple[Message, Conversation]:
    after = replace(
        message,
        content=message.content if edit.content is None else edit.content,
        attachments=message.attachments if edit.attachments is None else edit.attachments,
        delivered=message.delivered if edit.delivered is None else edit.delivered,
    )
    if not after.content.strip() and not after.attachments:
        raise Invalid.of("content", "A message needs words or an attachment.")
    if (after.content, after.attachments) != (message.content, message.attachments):
        _require_unsent(message)
        after = replace(after, edited_at=now)
    if edit.read:
        if message.is_inbound:
            conversation = conversation.read_up_to(message.seq, message.number)
        else:
            after = replace(after, read=True)
    return after, conversation.with_changed(after)


def _require_unsent(message: Message) -> None:
    """Refuse other words for what is about to be sent, or is half out and may be sent again."""
    delivery = message.delivery
    if delivery is None:
        return
    if delivery.is_queued:
        raise NotEditable("This message is about to be sent; cancel it, and write another.")
    if delivery.state is not DeliveryState.SENT and any(part.external_id for part in message.parts):
        raise NotEditable("A part of this message may have been sent; write another.")
