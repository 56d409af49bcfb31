"""Note how far a reader has read a conversation, or all of a contact's; marks only move forward."""

from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from app.access import access_contact, access_conversation, company_of
from app.actions.keys import change_key, digest_of
from app.errors import NotFound
from app.events import MessageRead
from app.hub import Hub
from app.journal.change import Change, Committed, Decision, Seen
from app.models.caller import Caller
from app.models.conversation import Conversation, ReadMark
from app.models.entity import ContactId, ConversationId, Entity, Ref

AT_ONCE = 150  # conversations that one change marks: each writes itself, a mark and an event


class Reach(NamedTuple):
    """How far a conversation goes: the seq, and the number of the last inbound message at or before it."""

    seq: int
    number: int


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

    Without `up_to_seq` all that was said is read. Those of a contact with many conversations are marked by several
    changes: the first has the client's key and says up to where the others mark, so that a repeated request ends what
    an interrupted one has begun, and no more.
    """
    ids = await _conversations(hub, caller, conversation_id, contact_id)
    key, claimed = change_key(hub, caller, "mark_read", client_key)
    digest = digest_of(conversation_id, contact_id, up_to_seq)
    done = await _mark(hub, caller, ids[:AT_ONCE], up_to_seq, Key(key, digest, claimed))
    reached = done.seq if up_to_seq is None else min(up_to_seq, done.seq)
    rest = ids if done.replayed and len(ids) > AT_ONCE else ids[AT_ONCE:]
    for start in range(0, len(rest), AT_ONCE):
        fresh = Key(change_key(hub, caller, "mark_read", None)[0], digest, claimed=False)
        more = await _mark(hub, caller, rest[start : start + AT_ONCE], reached, fresh)
        done = replace(done, answer=[*(done.answer or ()), *more.answer])
    if done.replayed:
        return [(await access_conversation(hub, caller, id)).view() for id in ids], True
    return done.answer, False


class Key(NamedTuple):
    """What makes one change happen once."""

    key: str
    digest: str
    claimed: bool


async def _mark(hub: Hub, caller: Caller, ids: list[ConversationId], up_to_seq: int | None, key: Key) -> Committed:
    """Mark conversations in one change, whose answer is how they are then."""
    looked = await _looked_at(hub, caller, ids, up_to_seq)

    def decide(seen: Seen, now: datetime) -> Decision:
        marked = [_marked(seen, caller, id, up_to_seq, looked) for id in ids]
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
            key=key.key,
            claimed=key.claimed,
            digest=key.digest,
            needs=_needs(caller, ids),
            decide=decide,
        )
    )
    if done.replayed:
        return done
    views, moved = done.answer
    _ring(hub, caller, moved)
    return replace(done, answer=views)


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
    return await hub.store.conversations.of_contact(contact.company_id, contact.id)


async def _looked_at(
    hub: Hub, caller: Caller, ids: list[ConversationId], up_to_seq: int | None
) -> dict[ConversationId, Reach]:
    """Return how far each conversation goes up to a seq, of what is there by now: that never changes.

    A message that comes between this look and the commit is not read, though its seq may still be below `up_to_seq`.
    """
    if up_to_seq is None:
        return {}
    company_id, looked = company_of(caller), dict[ConversationId, Reach]()
    for each in await hub.store.conversations.load(company_id, [Conversation.ref(id) for id in ids]):
        end = _end_of(each)
        if up_to_seq < end.seq:
            number = await hub.store.messages.inbound_number(company_id, each.id, up_to_seq)
            end = Reach(up_to_seq, number)
        looked[each.id] = end
    return looked


def _end_of(conversation: Conversation) -> Reach:
    last = conversation.last_message
    return Reach(last.seq if last else 0, conversation.inbound_count)


def _marked(
    seen: Seen, caller: Caller, id: ConversationId, up_to_seq: int | None, looked: dict[ConversationId, Reach]
) -> tuple[Conversation, ReadMark | None]:
    """Return the conversation with the mark applied, and the reader's mark if it moved."""
    conversation = seen.get(Conversation.ref(id))
    if conversation is None:
        raise NotFound.of("conversation_id")
    end = _end_of(conversation)
    reach = end if up_to_seq is None or up_to_seq >= end.seq else looked[id]
    before = seen.get(ReadMark.ref(ReadMark.id_of(caller.id, id)))
    if reach.seq <= (before.up_to_seq if before else 0):
        return conversation, None
    mark = ReadMark(
        id=ReadMark.id_of(caller.id, id),
        company_id=conversation.company_id,
        seq=before.seq if before else 0,
        reader_id=caller.id,
        conversation_id=id,
        up_to_seq=reach.seq,
    )
    return conversation.read_up_to(reach.seq, reach.number), mark
