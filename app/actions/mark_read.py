"""Note how far a reader has read a conversation, or all of a contact's; marks only move forward."""

from datetime import datetime
from typing import Any

from app.access import access_contact, access_conversation, company_of
from app.actions.keys import change_key, digest_of
from app.errors import NotFound
from app.events import MessageRead
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.caller import Caller
from app.models.conversation import Conversation, ReadMark
from app.models.entity import ContactId, ConversationId, Entity, Ref

Numbers = dict[ConversationId, int]  # the number of the last inbound message at or before the seq


async def mark_read(
    hub: Hub,
    caller: Caller,
    *,
    conversation_id: ConversationId | None = None,
    contact_id: ContactId | None = None,
    up_to_seq: int | None = None,
    client_key: str | None = None,
) -> tuple[list[dict[str, Any]], bool]:
    """Return the conversations as they are now, and whether an earlier try had marked them. Raises NotFound.

    Without `up_to_seq` all that was said is read.
    """
    ids = await _conversations(hub, caller, conversation_id, contact_id)
    numbers = await _numbers(hub, caller, ids, up_to_seq)
    key, claimed = change_key(hub, caller, "mark_read", client_key)

    def decide(seen: Seen, now: datetime) -> Decision:
        marked = [_marked(seen, caller, id, up_to_seq, numbers) for id in ids]
        moved = [(conversation, mark) for conversation, mark in marked if mark is not None]
        return Decision(
            puts=tuple(thing for pair in moved for thing in pair),
            events=tuple(
                MessageRead(conversation=conversation, reader_id=caller.id, up_to_seq=mark.up_to_seq, read_at=now)
                for conversation, mark in moved
            ),
            answer=([conversation.view() for conversation, _ in marked], [mark.conversation_id for _, mark in moved]),
        )

    done = await hub.journal.commit(
        Change(
            company_id=company_of(caller),
            key=key,
            claimed=claimed,
            digest=digest_of(conversation_id, contact_id, up_to_seq),
            needs=_needs(caller, ids),
            decide=decide,
        )
    )
    if done.replayed:
        return [(await access_conversation(hub, caller, id)).view() for id in ids], True
    views, moved = done.answer
    _ring(hub, caller, moved)
    return views, False


def _needs(caller: Caller, ids: list[ConversationId]) -> tuple[Ref[Entity], ...]:
    return tuple(ref for id in ids for ref in (Conversation.ref(id), ReadMark.ref(ReadMark.id_of(caller.id, id))))


def _ring(hub: Hub, caller: Caller, ids: list[ConversationId]) -> None:
    """Let customers be shown that they were read."""
    for listen in hub.bells.read:
        for id in ids:
            listen(company_of(caller), id)


async def _conversations(
    hub: Hub, caller: Caller, conversation_id: ConversationId | None, contact_id: ContactId | None
) -> list[ConversationId]:
    if conversation_id is not None:
        return [(await access_conversation(hub, caller, conversation_id)).id]
    contact = await access_contact(hub, caller, contact_id or "")
    return [each.id for each in await hub.store.conversations.of_contact(contact.company_id, contact.id)]


async def _numbers(hub: Hub, caller: Caller, ids: list[ConversationId], up_to_seq: int | None) -> Numbers:
    """Read the numbers before the commit: a message's number never changes."""
    if up_to_seq is None:
        return {}
    company_id = company_of(caller)
    return {id: await hub.store.messages.inbound_number(company_id, id, up_to_seq) for id in ids}


def _marked(
    seen: Seen, caller: Caller, id: ConversationId, up_to_seq: int | None, numbers: Numbers
) -> tuple[Conversation, ReadMark | None]:
    """Return the conversation with the mark applied, and the reader's mark if it moved."""
    conversation = seen.get(Conversation.ref(id))
    if conversation is None:
        raise NotFound
    last = conversation.last_message.seq if conversation.last_message else 0
    whole = up_to_seq is None or up_to_seq >= last
    seq = last if whole or up_to_seq is None else up_to_seq
    number = conversation.inbound_count if whole else numbers[id]
    before = seen.get(ReadMark.ref(ReadMark.id_of(caller.id, id)))
    if seq <= (before.up_to_seq if before else 0):
        return conversation, None
    mark = ReadMark(
        id=ReadMark.id_of(caller.id, id),
        company_id=conversation.company_id,
        seq=before.seq if before else 0,
        reader_id=caller.id,
        conversation_id=id,
        up_to_seq=seq,
    )
    return conversation.read_up_to(seq, number), mark
