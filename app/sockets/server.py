"""python-socketio's server on our engine: its protocol and namespaces, spoken strictly and in order.

What it adds: packets are handled in the very step in which they are read when they need no waiting, and otherwise one
after the other; a packet that cannot be understood, or one for a namespace that the connection has not joined, ends the
connection.
"""

import inspect
from functools import cache
from typing import Any

import socketio
from socketio.packet import ACK as ACK_PACKET
from socketio.packet import CONNECT_ERROR

from app.errors import UnknownNamespace
from app.sockets.attachments import Attachments
from app.sockets.closing import CLIENT_LEFT, PROTOCOL_ERROR
from app.sockets.connection import Connection
from app.sockets.engine import Engine
from app.sockets.frames import CLOSE, MESSAGE, PONG, Json, ack_frame
from app.sockets.namespace import Namespace
from app.sockets.packets import ACK, CONNECT, EVENT, WITH_ATTACHMENTS, Malformed, Packet, decoded
from app.sockets.rooms import Member, Rooms, packet_frames

waits = cache(inspect.iscoroutinefunction)


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]  # python-socketio carries no types
    """One Socket.IO server. `binary` lets attachments in: they are held in memory, so only tests of the protocol do."""

    eio: Engine
    manager: Rooms

    def __init__(self, *, binary: bool = False, **options: Any) -> None:
        super().__init__(client_manager=Rooms(), json=Json, async_handlers=False, **options)
        self.namespaces: list[str] = []  # none is let in because python-socketio would
        self.attachments = Attachments() if binary else None
        self.manager.set_server(self)
        self.eio.receive = self._receive
        self.eio.ended = self._ended

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    def _receive(self, connection: Connection, said: str | bytes) -> None:
        """Hear one message of a client."""
        try:
            packet = self._packet_in(connection, said)
        except ValueError:
            return connection.close(PROTOCOL_ERROR)
        if packet is not None:
            self._hear(connection, packet)

    def _packet_in(self, connection: Connection, said: str | bytes) -> Packet | None:
        """Return the packet that a message makes whole. Raises ValueError."""
        if isinstance(said, bytes):
            if self.attachments is None:
                raise Malformed
            return self.attachments.add(connection.sid, said)
        if said.startswith(MESSAGE):
            return decoded(said)
        if said == CLOSE:
            connection.close(CLIENT_LEFT)
        elif said != PONG:  # of a PONG it is enough that it was heard
            raise Malformed
        return None

    def _hear(self, connection: Connection, packet: Packet) -> None:
        member = connection.members.get(packet.namespace)
        if self.attachments is not None and self.attachments.are_awaited(connection.sid):
            connection.close(PROTOCOL_ERROR)
        elif packet.kind == CONNECT:
            connection.run(lambda: self._admit(connection, packet.namespace, packet.data))
        elif member is None or not member.joined:
            connection.close(PROTOCOL_ERROR)
        elif packet.kind == EVENT:
            self._hear_event(member, packet)
        elif packet.kind == ACK:
            connection.run(lambda: self.manager.trigger_callback(member.sid, packet.id, packet.data))
        elif packet.kind not in WITH_ATTACHMENTS:
            connection.run(lambda: self._handle_disconnect(connection.sid, packet.namespace))
        elif self.attachments is not None:
            self.attachments.await_rest(connection.sid, packet)
        else:
            connection.close(PROTOCOL_ERROR)

    def _hear_event(self, member: Member, packet: Packet) -> None:
        """Handle an event now if it needs no waiting and nothing before it is still waited for."""
        name, *arguments = packet.data
        namespace = self.namespace_handlers.get(member.namespace)
        if isinstance(namespace, Namespace):
            return namespace.hear(member, name, arguments, packet.id)
        if name in self.reserved_events:  # or a client could call them
            return member.connection.close(PROTOCOL_ERROR)
        handler, given = self._get_event_handler(name, member.namespace, (member.sid, *arguments))
        if handler is None or waits(handler) or member.connection.busy:
            member.connection.run(lambda: self._call(member, packet))
        else:
            self._answer(member, packet.id, handler(*given))

    async def _call(self, member: Member, packet: Packet) -> None:
        answer = await self._trigger_event(packet.data[0], member.namespace, member.sid, *packet.data[1:])
        if answer is not self.not_handled:
            self._answer(member, packet.id, answer)

    def _answer(self, member: Member, id: int | None, answer: Any) -> None:
        if id is None:
            return None
        replies = answer if isinstance(answer, tuple) else () if answer is None else (answer,)
        if self.attachments is None:
            return member.connection.push(ack_frame(member.namespace, id, *replies))
        encoded = self.packet_class(ACK_PACKET, namespace=member.namespace, id=id, data=list(replies)).encode()
        for each in packet_frames(encoded):
            member.connection.push(each)
        return None

    async def _admit(self, connection: Connection, namespace: str, auth: Any) -> None:
        """Let a connection into a namespace. An unknown one is refused for good, which no other try can mend."""
        if namespace not in self.handlers and namespace not in self.namespace_handlers:
            return connection.push(self._unknown(namespace))
        if namespace in connection.members:
            return connection.close(PROTOCOL_ERROR)
        self.environ[connection.sid] = {"connection": connection}
        await self._handle_connect(connection.sid, namespace, auth)
        handler, member = self.namespace_handlers.get(namespace), connection.members.get(namespace)
        if isinstance(handler, Namespace) and member is not None and member.joined:
            handler.welcome(member)

    def _unknown(self, namespace: str) -> bytes:
        """Return the refusal of a namespace, which names those that there are."""
        data: dict[str, Any] = {"message": "Invalid namespace"}  # the official words
        if self.namespace_handlers:
            known = " and ".join(sorted(self.namespace_handlers))
            data["data"] = UnknownNamespace(f"There is no such namespace; connect to {known}.").view()
        return packet_frames(self.packet_class(CONNECT_ERROR, data=data, namespace=namespace).encode())[0]

    def _ended(self, connection: Connection, reason: str) -> None:
        """Take a connection that is over out of everything."""
        self.environ.pop(connection.sid, None)
        if self.attachments is not None:
            self.attachments.forget(connection.sid)
        for member in tuple(connection.members.values()):
            handler = self.namespace_handlers.get(member.namespace)
            if isinstance(handler, Namespace):
                handler.left(member)
            elif member.joined and "disconnect" in self.handlers.get(member.namespace, {}):
                self.start_background_task(self._trigger_event, "disconnect", member.namespace, member.sid, reason)
            self.manager.forget(member)
