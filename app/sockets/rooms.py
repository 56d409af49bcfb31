"""Who is in which room: python-socketio's manager, with a dictionary a room and no task a recipient."""

import asyncio
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from socketio import AsyncManager
from socketio.packet import EVENT

from app.sockets.connection import Connection
from app.sockets.frames import BINARY_FRAME, frame

RoomName = str | None


class Member:
    """A connection in one namespace. `joined` is what python-socketio calls connected."""

    __slots__ = ("ack_ids", "callbacks", "connection", "joined", "leaving", "namespace", "rooms", "sid", "tasks")

    def __init__(self, sid: str, connection: Connection, namespace: str) -> None:
        self.sid = sid
        self.connection = connection
        self.namespace = namespace
        self.rooms: set[RoomName] = {sid}  # each id is a room of its own
        self.joined = False
        self.leaving = False
        self.callbacks: dict[int, Any] = {}
        self.ack_ids = itertools.count(1)
        self.tasks: set[asyncio.Task[None]] = set()


class Rooms(AsyncManager):  # type: ignore[misc]  # python-socketio carries no types
    """Rooms of one process. Every emit builds its frame once."""

    def __init__(self) -> None:
        super().__init__()
        self._members: dict[str, Member] = {}
        self._inside: dict[tuple[str, RoomName], dict[str, Connection]] = {}
        self._namespaces: set[str] = set()

    # What our own code asks.

    def member(self, sid: str) -> Member | None:
        """Return who has this Socket.IO id."""
        return self._members.get(sid)

    def inside(self, namespace: str, room: RoomName) -> dict[str, Connection]:
        """Return the connections in a room by their Socket.IO ids."""
        found = self._inside.get((namespace, room))
        if found is not None:
            return found
        member = self._members.get(room) if room else None
        return {member.sid: member.connection} if member and member.namespace == namespace else {}

    def say(self, namespace: str, room: RoomName, data: bytes, skip: Connection | None = None) -> None:
        """Give one frame to everyone in a room."""
        crowd = self.inside(namespace, room)
        if skip is None:
            self.server.eio.tell(crowd, data)
        else:
            for connection in crowd.values():
                if connection is not skip:
                    connection.push(data)

    def whisper(self, namespace: str, room: RoomName, data: bytes, skip: Connection | None = None) -> None:
        """Give one frame to those in a room who keep up: what passes is not worth a place in a long queue."""
        for connection in self.inside(namespace, room).values():
            if connection is not skip and connection.owed * 2 <= connection.outlet.max_owed:
                connection.push(data)

    # What python-socketio asks.

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Any = None,
        to: Any = None,
        **_: Any,
    ) -> None:
        """Send an event to a room; one of a single socket may ask for an ack."""
        arguments = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        names = (to or room) if isinstance(to or room, list | tuple) else [to or room]
        if callback is None and skip_sid is None and len(names) == 1:
            for each in self._frames(namespace, None, [event, *arguments]):
                self.say(namespace, names[0], each)
            return
        skipped = set(skip_sid) if isinstance(skip_sid, list) else {skip_sid}
        told: dict[str, Connection] = {}
        for name in names:
            told |= self.inside(namespace, name)
        frames = None if callback else self._frames(namespace, None, [event, *arguments])
        for sid, connection in told.items():
            if sid not in skipped:
                id = self._generate_ack_id(sid, callback) if callback else None
                for each in frames or self._frames(namespace, id, [event, *arguments]):
                    connection.push(each)

    def _frames(self, namespace: str, id: int | None, data: list[Any]) -> list[bytes]:
        encoded = self.server.packet_class(EVENT, namespace=namespace, id=id, data=data).encode()
        return packet_frames(encoded)

    def get_namespaces(self) -> Iterable[str]:
        """Return the namespaces that anyone joined."""
        return tuple(self._namespaces)

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """Yield who is in a room."""
        for sid, connection in tuple(self.inside(namespace, room).items()):
            yield sid, connection.sid

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Let a connection wait at a namespace's door; None when it is there already."""
        connection: Connection | None = self.server.eio.connections.get(eio_sid)
        if connection is None or namespace in connection.members:
            return None
        sid: str = self.server.eio.generate_id()
        self._members[sid] = connection.members[namespace] = Member(sid, connection, namespace)
        self._namespaces.add(namespace)
        return sid

    async def connect(self, sid: str, namespace: str) -> str:
        """Let it in."""
        member = self._members.get(sid)
        if member is not None:
            member.joined = True
            self._enter(member, None)
        return sid

    def is_connected(self, sid: str | None, namespace: str) -> bool:
        """Tell whether it is in, and not on its way out."""
        member = self._members.get(sid) if sid else None
        return member is not None and member.joined and not member.leaving

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        """Tell whether it waits at the door."""
        member = self._members.get(sid)
        return member is not None and not member.joined

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Tell whether there is anyone to disconnect."""
        return self.is_connected(sid, namespace)

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """Note that it is on its way out."""
        member = self._members.get(sid)
        if member is None:
            return None
        member.leaving = True
        return member.connection.sid

    async def disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        """Take it out of every room."""
        member = self._members.get(sid)
        if member is not None:
            self.forget(member)

    def forget(self, member: Member) -> None:
        """Take it out of every room, in this very step."""
        self._members.pop(member.sid, None)
        for room in tuple(member.rooms):
            self._leave(member, room)
        member.connection.members.pop(member.namespace, None)

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """Return the id that a connection has in a namespace."""
        connection: Connection | None = self.server.eio.connections.get(eio_sid)
        member = connection.members.get(namespace) if connection else None
        return member.sid if member else None

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """Return the connection's own id."""
        member = self._members.get(sid)
        return member.connection.sid if member else None

    async def enter_room(self, sid: str, namespace: str, room: str, eio_sid: str | None = None) -> None:
        """Put it into a room."""
        self.enter(sid, room)

    def enter(self, sid: str, room: str) -> None:
        """Put it into a room, in this very step."""
        member = self._members.get(sid)
        if member is None:
            raise ValueError("sid is not connected to requested namespace")
        self._enter(member, room)

    async def leave_room(self, sid: str, namespace: str, room: str) -> None:
        """Take it out of a room."""
        self.leave(sid, room)

    def leave(self, sid: str, room: str) -> None:
        """Take it out of a room, in this very step."""
        member = self._members.get(sid)
        if member is not None:
            self._leave(member, room)

    async def close_room(self, room: str, namespace: str) -> None:
        """Take everyone out of a room."""
        for sid in tuple(self.inside(namespace, room)):
            self.leave(sid, room)

    def get_rooms(self, sid: str, namespace: str) -> list[RoomName]:
        """Return the rooms it is in."""
        member = self._members.get(sid)
        return [room for room in member.rooms if room is not None] if member else []

    def _generate_ack_id(self, sid: str, callback: Any) -> int:
        member = self._members[sid]
        id = next(member.ack_ids)
        member.callbacks[id] = callback
        return id

    async def trigger_callback(self, sid: str, id: int | None, data: list[Any]) -> None:
        """Hear an ack of the client."""
        member = self._members.get(sid)
        callback = member.callbacks.pop(id, None) if member and id is not None else None
        if callback is not None:
            answer = callback(*data)
            if hasattr(answer, "__await__"):
                await answer

    def _enter(self, member: Member, room: RoomName) -> None:
        self.server.eio.settle()
        member.rooms.add(room)
        self._inside.setdefault((member.namespace, room), {})[member.sid] = member.connection

    def _leave(self, member: Member, room: RoomName) -> None:
        self.server.eio.settle()
        member.rooms.discard(room)
        inside = self._inside.get((member.namespace, room))
        if inside is not None:
            inside.pop(member.sid, None)
            if not inside:
                del self._inside[(member.namespace, room)]


def packet_frames(encoded: str | list[Any]) -> list[bytes]:
    """Return the frames of a Socket.IO packet: one, and one for each attachment."""
    if isinstance(encoded, str):
        return [frame(b"4" + encoded.encode())]
    head, *attachments = encoded
    return [frame(b"4" + head.encode()), *(frame(bytes(each), BINARY_FRAME) for each in attachments)]
