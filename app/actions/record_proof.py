"""Keep a platform's answer to a turn that was lost: the id that it gave proves that the message went out."""

import time
from datetime import datetime

from app.actions.displace_copy import copy_of, without_copy
from app.actions.recognise import with_proof
from app.actions.record_outcome import Piecework, commit_within, record_piece, settled_late
from app.errors import Refusal
from app.events import MessageStatus
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.conversation import Conversation
from app.models.message import Message
from app.models.outbox import Turn
from app.models.parked import Parked

KEPT = 600.0  # seconds for which a platform's answer is worth trying to write down: then a person has looked


async def keep_piece(hub: Hub, turn: Turn, piece: Piecework) -> bool:
    """Note that one piece went out, as proof if need be; tell whether the turn is still ours.

    It is not when another one took it over, or when nothing could be written for as long as the claim lasts: the
    message ends as "nobody knows" then. But we do know, and an id that comes late proves it. Raises a Refusal.
    """
    try:
        if await record_piece(hub, turn, piece):
            return True
    except Refusal as refusal:
        if not refusal.retryable:
            raise
    await _record_proof(hub, turn, piece)
    return False


async def _record_proof(hub: Hub, turn: Turn, piece: Piecework) -> None:
    def decide(seen: Seen, now: datetime) -> Decision:
        message, conversation = seen.get(Message.ref(turn.message_id)), seen.get(Conversation.ref(turn.id))
        if message is None or conversation is None:
            return Decision()
        copy = copy_of(seen, message, piece.external_id)
        after = with_proof(hub, message, piece.index, piece.external_id, piece.at)
        if after == message:
            return Decision()
        told = Decision(puts=(after,), events=(MessageStatus(message=after, conversation=conversation),))
        if after.delivery != message.delivery:  # it is proven to be whole
            told = settled_late(seen, turn, after, conversation, piece.at, now)
        return without_copy(seen, copy, told, now)

    change = Change(
        company_id=turn.company_id,
        key=f"proof:{turn.message_id}:{turn.fence}:{piece.index}",
        needs=(
            Message.ref(turn.message_id),
            Conversation.ref(turn.id),
            Message.known_as(turn.channel_id, piece.external_id),
            Parked.ref_of(turn.channel_id, piece.external_id),
        ),
        decide=decide,
    )
    await commit_within(hub, change, until=time.monotonic() + KEPT)
