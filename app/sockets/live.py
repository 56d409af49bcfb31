"""From the log to the rooms: each company's feed is heard once in this process, and said to everyone who is in.

A frame `(prev, seq]` holds all that its room may see in that interval; `prev` is what was last covered there.
"""

import asyncio

from app.hub import Hub
from app.journal.change import Recorded
from app.journal.feed import Feed
from app.models.entity import CompanyId
from app.models.wire import to_json
from app.outside.kept import keep_running
from app.signals import Signal, Typing
from app.sockets.connection import Connection
from app.sockets.frames import event_frame
from app.sockets.presence import Attendance
from app.sockets.rooms import Member, Rooms
from app.sockets.typists import Typists

COMPANY, CONVERSATION = "/company", "/conversation"
BEAT = 10.0  # seconds between two beats for rooms in which nothing was said
LOOK = 0.5  # seconds between two looks for who has gone, or has stopped writing


def company_room(company_id: str) -> str:
    """Return the room of everything that happens in a company."""
    return f"company:{company_id}"


def thread_room(company_id: str, conversation_id: str) -> str:
    """Return the room of everything that happens in a conversation, as far as its company is concerned."""
    return f"conversation:{company_id}:{conversation_id}"


def signals_room(company_id: str, conversation_id: str) -> str:
    """Return the room of a conversation's passing signals in the company's namespace."""
    return f"signals:{company_id}:{conversation_id}"


class Audience:
    """The listeners of one company in this process. `threads` says how far each conversation's room is covered."""

    def __init__(self, feed: Feed, rooms: Rooms) -> None:
        self.feed = feed
        self.rooms = rooms
        self.covered = feed.position
        self.threads: dict[str, int] = {}
        self.members: set[str] = set()
        feed.listeners.append(self.hear)
        feed.on_reset.append(self.reset)

    def hear(self, event: Recorded) -> None:
        """Say one event to the company's room and to its conversation's."""
        room = company_room(self.feed.company_id)
        if self.rooms.inside(COMPANY, room):
            self.rooms.say(COMPANY, room, event_frame(COMPANY, event.type, event.after(self.covered)))
        self.covered = event.seq
        prev = self.threads.get(event.conversation_id or "")
        if prev is not None and event.conversation_id is not None:
            said = event_frame(CONVERSATION, event.type, event.after(prev))
            self.rooms.say(CONVERSATION, self._room(event.conversation_id), said)
            self.threads[event.conversation_id] = event.seq

    def join(self, member: Member) -> None:
        """Let a member hear the company from the feed's position on."""
        self.rooms.enter(member.sid, company_room(self.feed.company_id))

    def join_thread(self, member: Member, conversation_id: str) -> None:
        """Let a member hear a conversation from the feed's position on."""
        self.rooms.enter(member.sid, self._room(conversation_id))
        self.threads.setdefault(conversation_id, self.feed.position)

    def leave_thread(self, member: Member, conversation_id: str) -> None:
        """Let a member hear it no more; a room that nobody is in is not kept."""
        self.rooms.leave(member.sid, self._room(conversation_id))
        if not self.rooms.inside(CONVERSATION, self._room(conversation_id)):
            self.threads.pop(conversation_id, None)

    def leave(self, member: Member) -> None:
        """Let a member hear nothing of the company any more."""
        threads = self._room("")
        for room in tuple(member.rooms):
            if room is not None and room.startswith(threads):
                self.leave_thread(member, room.removeprefix(threads))
        self.members.discard(member.sid)

    def _room(self, conversation_id: str) -> str:
        return thread_room(self.feed.company_id, conversation_id)

    def beat(self) -> None:
        """Tell quiet conversations how far they are covered, so that their clients resume from there."""
        for conversation_id, prev in self.threads.items():
            if prev < self.feed.position:
                body: dict[str, object] = {"prev": prev, "seq": self.feed.position}
                self._say_thread(conversation_id, "sync:head", body)
                self.threads[conversation_id] = self.feed.position

    def reset(self) -> None:
        """Tell everyone that the log began anew."""
        facts = {"reason": "epoch", "epoch": self.feed.epoch, "head": self.feed.position}
        ready = {"epoch": self.feed.epoch, "head": self.feed.position, "resumed": False}
        self.covered = self.feed.position
        for event, body in (("sync:resync", facts), ("sync:ready", ready)):
            said = event_frame(COMPANY, event, to_json({"type": event, **body}))
            self.rooms.say(COMPANY, company_room(self.feed.company_id), said)
        for conversation_id in self.threads:
            self._say_thread(conversation_id, "sync:resync", facts)
            self.threads[conversation_id] = self.feed.position
        for sid in self.members:
            member = self.rooms.member(sid)
            if member is not None and member.namespace == CONVERSATION:
                member.connection.push(
                    event_frame(CONVERSATION, "sync:ready", to_json({"type": "sync:ready", **ready}))
                )

    def _say_thread(self, conversation_id: str, event: str, body: dict[str, object]) -> None:
        facts = {
            "type": event,
            "epoch": self.feed.epoch,
            "company_id": self.feed.company_id,
            "conversation_id": conversation_id,
            **body,
        }
        self.rooms.say(CONVERSATION, self._room(conversation_id), event_frame(CONVERSATION, event, to_json(facts)))

    def close(self) -> None:
        """Stop listening."""
        self.feed.listeners.remove(self.hear)
        self.feed.on_reset.remove(self.reset)


class Live:
    """Every audience of this process."""

    def __init__(self, hub: Hub, rooms: Rooms, connections: dict[str, Connection]) -> None:
        self.hub = hub
        self.rooms = rooms
        self.connections = connections
        self._audiences: dict[CompanyId, Audience] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.attendance = Attendance(hub)
        self.typists = Typists(hub)
        hub.bells.signal.append(self.signal)
        hub.bells.signal_elsewhere.append(self.signal)

    def start(self) -> None:
        """Begin to beat, and to look for what has run out."""
        for work in (self._beat_on, self._look_on):
            keep_running(self._tasks, "live", work)

    def stop(self) -> None:
        """Beat no more."""
        for task in tuple(self._tasks):
            task.cancel()

    async def audience(self, company_id: CompanyId) -> Audience:
        """Return the company's audience. Raises Unavailable while the database is away."""
        if company_id not in self._audiences:
            feed = await self.hub.journal.follow(company_id)
            if company_id not in self._audiences:
                self._audiences[company_id] = Audience(feed, self.rooms)
                self.attendance.begin(company_id)
        return self._audiences[company_id]

    def audience_of(self, member: Member) -> Audience:
        """Return the audience that a member belongs to."""
        identity = member.connection.identity
        assert identity is not None  # a member has been admitted
        assert identity.company_id is not None
        return self._audiences[identity.company_id]

    def left(self, member: Member) -> None:
        """Take a member out; an audience without members is not kept."""
        identity = member.connection.identity
        audience = self._audiences.get(identity.company_id) if identity and identity.company_id else None
        if audience is None:
            return
        audience.leave(member)
        self.drop_if_empty(audience)

    def drop_if_empty(self, audience: Audience) -> None:
        """Let go of an audience that nobody is in any more."""
        if not audience.members and self._audiences.pop(audience.feed.company_id, None) is not None:
            audience.close()
            self.attendance.end(audience.feed.company_id)

    def signal(self, signal: Signal) -> None:
        """Say a passing signal: of writing to the others in the conversation, of presence to the company."""
        body = to_json(signal.payload())
        if isinstance(signal, Typing):
            sender, ids = self.connections.get(signal.origin), (signal.company_id, signal.conversation_id)
            for namespace, room in ((COMPANY, signals_room(*ids)), (CONVERSATION, thread_room(*ids))):
                self.rooms.whisper(namespace, room, event_frame(namespace, signal.type, body), skip=sender)
        else:
            room = company_room(signal.company_id)
            self.rooms.whisper(COMPANY, room, event_frame(COMPANY, signal.type, body))

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            for audience in tuple(self._audiences.values()):
                audience.beat()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            now = asyncio.get_running_loop().time()
            self.typists.look(now)
            self.attendance.look(now)
