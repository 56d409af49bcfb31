"""`/company`: the inbox. Every durable event comes once, through the company's room; conversations add signals."""

import asyncio
from typing import Any

from loguru import logger

from app.access import caller_with_token, company_of
from app.actions.draft import Draft
from app.actions.mark_read import mark_read
from app.actions.read_changes import read_changes
from app.actions.send_message import send_message
from app.errors import Invalid
from app.journal.faults import refusal_of
from app.models.entity import ConversationId, MessageId
from app.models.message import Direction, MessageRole
from app.models.people import Scope
from app.models.wire import to_json
from app.signals import Typing
from app.sockets.catch_up import CaughtUp, catch_up
from app.sockets.closing import TRY_LATER
from app.sockets.frames import event_frame
from app.sockets.live import COMPANY, CONVERSATION, signals_room, thread_room
from app.sockets.namespace import Heard, Namespace, identify
from app.sockets.payloads import Declare, Join, Nothing, OfConversation, Read, Renew, Say, Sync
from app.sockets.rooms import Member
from app.sockets.visit import Visit, require_conversation, require_room


class CompanyNamespace(Namespace):
    """Join the company's room at once, after whatever was missed."""

    def welcome(self, member: Member) -> None:
        """Catch up, join, and say so; a task, so that the client may talk meanwhile."""
        auth = self.auths.pop(member.sid)
        assert member.connection.identity is not None  # a member has been admitted
        self.live.attendance.arrive(member.connection.identity, member.connection.sid)
        self.live.audience_of(member)
        task = asyncio.create_task(self._catch_up(member, auth.epoch, auth.seq), name=f"catch-up-{member.sid}")
        member.tasks.add(task)
        task.add_done_callback(lambda done: self._end_catch_up(member, done))

    def _end_catch_up(self, member: Member, task: "asyncio.Task[None]") -> None:
        """Send away for now whom we could not tell what they missed: connected and deaf is worse."""
        member.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            logger.bind(**member.connection.facts(), why=refusal_of(error).code).warning("socket could not catch up")
            member.connection.close(TRY_LATER)

    async def _catch_up(self, member: Member, epoch: str | None, since: int | None) -> None:
        audience = self.live.audience_of(member)
        caught_up = await catch_up(
            self.hub,
            member.connection,
            COMPANY,
            audience,
            epoch=epoch,
            since=since,
            conversation_id=None,
            join=lambda: audience.join(member),
        )
        if caught_up is not None:
            self._ready(member, audience.feed.epoch, caught_up)

    def left(self, member: Member) -> None:
        """Count the person out as well."""
        if member.connection.identity is not None:
            self.live.attendance.leave(member.connection.identity, member.connection.sid)
        super().left(member)

    def _ready(self, member: Member, epoch: str, caught_up: CaughtUp) -> None:
        if caught_up.reason is not None:
            self._say(member, "sync:resync", {"reason": caught_up.reason, "epoch": epoch, "head": caught_up.head})
        self._say(member, "sync:ready", {"epoch": epoch, "head": caught_up.head, "resumed": caught_up.resumed})

    @staticmethod
    def _say(member: Member, event: str, body: dict[str, Any]) -> None:
        member.connection.push(event_frame(COMPANY, event, to_json({"type": event, **body})))


async def join(visit: Visit, payload: Join) -> dict[str, Any]:
    """Hear a conversation's passing signals; its events come through the company's room anyway."""
    if payload.seq is not None or payload.epoch is not None:
        raise Invalid.of("seq", "On /company every event comes through the company; join takes no seq here.")
    await require_conversation(visit, payload.conversation_id)
    require_room(visit)
    visit.live.rooms.enter(visit.member.sid, _signals_room(visit, payload.conversation_id))
    return {"head": visit.live.audience_of(visit.member).feed.position, "resumed": True}


def leave(visit: Visit, payload: OfConversation) -> dict[str, Any]:
    """Hear its signals no more."""
    visit.live.rooms.leave(visit.member.sid, _signals_room(visit, payload.conversation_id))
    return {"conversation_id": payload.conversation_id}


def _signals_room(visit: Visit, conversation_id: str) -> str:
    return signals_room(company_of(visit.caller), conversation_id)


def typing_start(visit: Visit, payload: OfConversation) -> Any:
    """Tell the others in the conversation that this one is writing."""
    return _typing(visit, payload.conversation_id, typing=True)


def typing_stop(visit: Visit, payload: OfConversation) -> Any:
    """Tell them that it stopped."""
    return _typing(visit, payload.conversation_id, typing=False)


def _typing(visit: Visit, conversation_id: str, *, typing: bool) -> Any:
    company_id = company_of(visit.caller)
    if {room(company_id, conversation_id) for room in (signals_room, thread_room)} & visit.member.rooms:
        return _say_typing(visit, conversation_id, typing=typing)
    return _typing_uninvited(visit, conversation_id, typing=typing)


async def _typing_uninvited(visit: Visit, conversation_id: str, *, typing: bool) -> dict[str, Any]:
    """Who has not joined must be looked up first."""
    await require_conversation(visit, conversation_id)
    return _say_typing(visit, conversation_id, typing=typing)


def _say_typing(visit: Visit, conversation_id: str, *, typing: bool) -> dict[str, Any]:
    visit.live.typists.type(
        Typing(
            company_id=company_of(visit.caller),
            conversation_id=conversation_id,
            user_id=visit.caller.id,
            name=visit.caller.name,
            typing=typing,
            origin=visit.member.connection.sid,
        )
    )
    return {"conversation_id": conversation_id}


async def say(visit: Visit, payload: Say) -> dict[str, Any]:
    """Send a message."""
    sent = await send_message(
        visit.hub,
        visit.caller,
        Draft(
            role=MessageRole(payload.role),
            direction=Direction.OUTBOUND,
            conversation_id=ConversationId(payload.conversation_id),
            content=payload.content,
            reply_to=MessageId(payload.reply_to) if payload.reply_to else None,
            client_message_id=payload.client_message_id,
        ),
    )
    return {
        "id": sent.message["id"],
        "seq": sent.message["seq"],
        "conversation_id": payload.conversation_id,
        "duplicate": sent.replayed,
    }


async def read(visit: Visit, payload: Read) -> dict[str, Any]:
    """Mark a conversation as read."""
    id = ConversationId(payload.conversation_id)
    views, _ = await mark_read(visit.hub, visit.caller, conversation_id=id, up_to_seq=payload.up_to_seq)
    return {"conversation_id": id, "read_seq": views[0]["read_seq"], "unread_count": views[0]["unread_count"]}


async def sync(visit: Visit, payload: Sync) -> dict[str, Any]:
    """Return a page of what followed a seq; the client asks again from its `next` while there is more."""
    return await page_for(visit, payload, None)


async def page_for(visit: Visit, payload: Sync, conversation_id: str | None) -> dict[str, Any]:
    """Return a page of the company's log, or of one conversation's part of it."""
    company_id = company_of(visit.caller)
    page = await read_changes(
        visit.hub, company_id, epoch=payload.epoch, since=payload.since, conversation_id=conversation_id
    )
    return page.view()


async def renew(visit: Visit, payload: Renew) -> dict[str, Any]:
    """Live on with a newer token of the same person, in every namespace of this connection."""
    caller = await caller_with_token(visit.hub, payload.token)
    identify(visit.hub, visit.member.connection, caller)
    identity = visit.member.connection.identity
    return {"expires_at": identity.expires_at if identity else None}


def declare(visit: Visit, payload: Declare) -> dict[str, Any]:
    """Say that one is away, or back."""
    return {"status": visit.live.attendance.declare(visit.caller, away=payload.status == "away")}


def who_is_here(visit: Visit, payload: Nothing) -> dict[str, Any]:
    """List who of the staff is here."""
    return {"users": visit.live.attendance.of(company_of(visit.caller))}


COMMON = (
    Heard("typing:start", OfConversation, typing_start, Scope.CONVERSATIONS_READ),
    Heard("typing:stop", OfConversation, typing_stop, Scope.CONVERSATIONS_READ),
    Heard("message:send", Say, say, Scope.MESSAGES_WRITE),
    Heard("message:read", Read, read, Scope.MESSAGES_WRITE),
    Heard("auth:refresh", Renew, renew, Scope.FEED_READ, with_expired_token=True),
)

EVENTS = (
    Heard("conversation:join", Join, join, Scope.CONVERSATIONS_READ),
    Heard("conversation:leave", OfConversation, leave, Scope.CONVERSATIONS_READ),
    Heard("sync", Sync, sync, Scope.FEED_READ),
    Heard("presence:set", Declare, declare, Scope.FEED_READ),
    Heard("presence:list", Nothing, who_is_here, Scope.FEED_READ),
    *COMMON,
)

NAME, THREADS = COMPANY, CONVERSATION
