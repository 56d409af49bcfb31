"""Make the outbox rows that are missing: a backup may have caught a conversation and its row apart."""

import asyncio
from dataclasses import replace
from datetime import datetime

from loguru import logger

from app.actions.compose_message import opening
from app.errors import Refusal
from app.events import ConversationUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.conversation import Conversation
from app.models.entity import ChannelId, CompanyId, ConversationId
from app.models.message import Message
from app.models.outbox import LaneStep

AT_ONCE = 200  # conversations that are mended together
MOST = 10_000  # of a run: the next one goes on


async def mend_outbox(hub: Hub) -> int:
    """Return how many conversations had something to send that nobody would have sent."""
    mended = 0
    while mended < MOST and (found := await hub.store.lanes.missing(AT_ONCE)):
        done = sum(await asyncio.gather(*(mend_row(hub, *each) for each in found)))
        mended += done
        if not done:
            break
    if mended:
        logger.bind(conversations=mended).warning("outbox rows were missing and have been made")
    return mended


async def mend_row(hub: Hub, company_id: CompanyId, id: ConversationId) -> bool:
    """Make a conversation's row if it has none; tell whether there is something to send.

    What stands in its queue and has ended is taken out of it: a row must not lead to it.
    """

    def decide(seen: Seen, now: datetime) -> Decision:
        before = seen.get(Conversation.ref(id))
        if before is None or not before.outbox or before.channel_id is None:
            return Decision(answer=False)
        after = _without_what_ended(seen, before)
        step = _mending(after, before.channel_id)
        if after is before:
            return Decision(lanes=step, answer=True)
        return Decision(puts=(after,), events=(ConversationUpdated(conversation=after),), lanes=step, answer=True)

    key = f"mend:{id}:{hub.new_id()}"
    change = Change(company_id=company_id, key=key, needs=(Conversation.ref(id),), decide=decide)
    try:
        return bool((await hub.journal.commit(change)).answer)
    except Refusal as refusal:
        logger.bind(conversation_id=id, code=refusal.code).warning("an outbox row could not be made")
        return False


def _without_what_ended(seen: Seen, conversation: Conversation) -> Conversation:
    """Return the conversation with a queue whose head waits to be sent."""
    while conversation.head is not None:
        message = seen.get(Message.ref(conversation.head.id))
        if message is not None and message.delivery is not None and message.delivery.is_queued:
            break
        conversation = conversation.without(conversation.head.id)
    return conversation


def _mending(conversation: Conversation, channel_id: ChannelId) -> tuple[LaneStep, ...]:
    """Return the step that makes the row, if there is anything to send."""
    if conversation.head is None:
        return ()
    return (replace(opening(conversation, channel_id, conversation.head), opens=False, mends=True),)
