"""`/conversation`: follows only the threads that it joins, each with a cursor of its own."""

from typing import Any

from app.errors import Invalid
from app.models.people import Scope
from app.models.wire import to_json
from app.sockets.catch_up import catch_up
from app.sockets.company import COMMON, page_for
from app.sockets.frames import event_frame
from app.sockets.live import CONVERSATION
from app.sockets.namespace import Heard, Namespace
from app.sockets.payloads import ConnectAuth, Join, OfConversation, SyncThread
from app.sockets.rooms import Member
from app.sockets.visit import Visit, require_conversation, require_room


class ThreadAuth(ConnectAuth):
    """What a client connects with; where it left off, each join says for itself."""

    seq: None = None


class ConversationNamespace(Namespace):
    """Nothing is joined by connecting."""

    auth = ThreadAuth

    def welcome(self, member: Member) -> None:
        """Say which epoch the cursors of this company belong to."""
        self.auths.pop(member.sid)
        feed = self.live.audience_of(member).feed
        body = {"type": "sync:ready", "epoch": feed.epoch, "head": feed.position, "resumed": False}
        member.connection.push(event_frame(CONVERSATION, "sync:ready", to_json(body)))


async def join(visit: Visit, payload: Join) -> dict[str, Any]:
    """Catch up with one thread and follow it; `resumed` is false when the client must load the thread anew."""
    id = payload.conversation_id
    await require_conversation(visit, id)
    require_room(visit)
    audience = visit.live.audience_of(visit.member)
    caught_up = await catch_up(
        visit.hub,
        visit.member.connection,
        CONVERSATION,
        audience,
        epoch=payload.epoch,
        since=payload.seq,
        conversation_id=id,
        join=lambda: audience.join_thread(visit.member, id),
    )
    if caught_up is None:
        raise Invalid("The connection is gone.")
    reason = {"reason": caught_up.reason} if caught_up.reason else {}
    return {"epoch": audience.feed.epoch, "head": caught_up.head, "resumed": caught_up.resumed, **reason}


def leave(visit: Visit, payload: OfConversation) -> dict[str, Any]:
    """Follow it no more."""
    visit.live.audience_of(visit.member).leave_thread(visit.member, payload.conversation_id)
    return {"conversation_id": payload.conversation_id}


async def sync(visit: Visit, payload: SyncThread) -> dict[str, Any]:
    """Return a page of what followed a seq in one thread."""
    await require_conversation(visit, payload.conversation_id)
    page = await page_for(visit, payload, payload.conversation_id)
    return {**page, "conversation_id": payload.conversation_id}


EVENTS = (
    Heard("conversation:join", Join, join, Scope.CONVERSATIONS_READ),
    Heard("conversation:leave", OfConversation, leave, Scope.CONVERSATIONS_READ),
    Heard("sync", SyncThread, sync, Scope.FEED_READ),
    *COMMON,
)
