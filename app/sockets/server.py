"""python-socketio's server on our engine: its protocol and namespaces, spoken strictly and in order.

What it adds: packets are handled in the reader's callback when they need no waiting, and otherwise one after the other;
a packet that cannot be understood, or one for a namespace that the connection has not joined, ends the connection.
"""

import inspect
from typing import Any

import socketio
from socketio import packet
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Packet

from app.sockets.closing import CLIENT_LEFT, PROTOCOL_ERROR
from app.sockets.connection import Connection
from app.sockets.engine import Engine
from app.sockets.frames import CLOSE, MESSAGE, PONG, Json
from app.sockets.namespace import Namespace
from app.sockets.rooms import Member, Rooms, packet_frames

BINARY = (packet.BINARY_EVENT, packet.BINARY_ACK)


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]  # python-socketio carries no types
    """One Socket.IO server. `binary` lets attachments in: they are held in memory, so only tests of the protocol do."""

    eio: Engine
    manager: Rooms

    def __init__(self, *, binary: bool = False, **options: Any) -> None:
        super().__init__(client_manager=Rooms(), json=Json, async_handlers=False, **options)
        self.namespaces: list[str] = []  # none is let in because python-socketio would
        self.binary = binary
        self.manager.set_server(self)
        self.eio.receive = self._receive
        self.eio.ended = self._ended

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    def _receive(self, connection: Connection, text: str | None) -> None:
        """Hear one message of a client."""
        kind = text[:1] if text else ""
        if kind == MESSAGE and text is not None:
            self._hear_packet(connection, text[1:])
        elif kind == PONG and text == PONG:
            pass  # that it was heard is all there is to it
        elif kind == CLOSE and text == CLOSE:
            connection.close(CLIENT_LEFT)
        else:
            connection.close(PROTOCOL_ERROR)

    def _hear_packet(self, connection: Connection, encoded: str) -> None:
        try:
            heard = self.packet_class(encoded_packet=encoded)
        except (ValueError, IndexError, RecursionError):
            return connection.close(PROTOCOL_ERROR)
        namespace = heard.namespace or "/"
        member = connection.members.get(namespace)
        if heard.packet_type == CONNECT and heard.data.__class__ in (dict, type(None)):
            connection.run(lambda: self._admit(connection, namespace, heard.data))
        elif member is None or not member.joined or not _is_sound(heard):
            connection.close(PROTOCOL_ERROR)
        elif heard.packet_type == EVENT:
            self._hear_event(member, heard)
        elif heard.packet_type == ACK:
            connection.run(lambda: self.manager.trigger_callback(member.sid, heard.id, heard.data))
        elif heard.packet_type == DISCONNECT:
            connection.run(lambda: self._handle_disconnect(connection.sid, namespace))

    def _hear_event(self, member: Member, heard: Packet) -> None:
        """Handle an event now if it needs no waiting and nothing before it is still waited for."""
        name, *arguments = heard.data
        namespace = self.namespace_handlers.get(member.namespace)
        if isinstance(namespace, Namespace):
            return namespace.hear(member, name, arguments, heard.id)
        handler, _ = self._get_event_handler(name, member.namespace, (member.sid, *arguments))
        if handler is None or inspect.iscoroutinefunction(handler) or member.connection.busy:
            member.connection.run(lambda: self._call(member, heard))
        else:
            self._answer(member, heard.id, handler(member.sid, *arguments))

    async def _call(self, member: Member, heard: Packet) -> None:
        answer = await self._trigger_event(heard.data[0], member.namespace, member.sid, *heard.data[1:])
        if answer is not self.not_handled:
            self._answer(member, heard.id, answer)

    def _answer(self, member: Member, id: int | None, answer: Any) -> None:
        if id is None:
            return
        data = list(answer) if isinstance(answer, tuple) else [] if answer is None else [answer]
        for each in packet_frames(self.packet_class(ACK, namespace=member.namespace, id=id, data=data).encode()):
            member.connection.push(each)

    async def _admit(self, connection: Connection, namespace: str, auth: Any) -> None:
        """Let a connection into a namespace. An unknown one is refused for good, which no other try can mend."""
        if namespace not in self.handlers and namespace not in self.namespace_handlers:
            refusal = self.packet_class(CONNECT_ERROR, data={"message": "Invalid namespace"}, namespace=namespace)
            return connection.push(packet_frames(refusal.encode())[0])
        if namespace in connection.members:
            return connection.close(PROTOCOL_ERROR)
        self.environ[connection.sid] = {"connection": connection}
        await self._handle_connect(connection.sid, namespace, auth)
        handler, member = self.namespace_handlers.get(namespace), connection.members.get(namespace)
        if isinstance(handler, Namespace) and member is not None and member.joined:
            handler.welcome(member)

    def _ended(self, connection: Connection, reason: str) -> None:
        """Take a connection that is over out of everything."""
        self.environ.pop(connection.sid, None)
        for member in tuple(connection.members.values()):
            handler = self.namespace_handlers.get(member.namespace)
            if isinstance(handler, Namespace):
                handler.left(member)
            elif member.joined and "disconnect" in self.handlers.get(member.namespace, {}):
                self.start_background_task(self._trigger_event, "disconnect", member.namespace, member.sid, reason)
            self.manager.forget(member)


def _is_sound(heard: Packet) -> bool:
    """Tell whether a packet of a joined namespace has the shape that its type asks for."""
    if heard.packet_type == EVENT:
        return isinstance(heard.data, list) and len(heard.data) > 0 and isinstance(heard.data[0], str)
    if heard.packet_type == ACK:
        return isinstance(heard.data, list) and heard.id is not None
    return bool(heard.packet_type == DISCONNECT)
