"""Read Socket.IO packets, as strictly as they are specified. https://github.com/socketio/socket.io-protocol"""

import re
from typing import Any, NamedTuple

import orjson

from app.models.wire import from_json

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = "0123456"
WITH_ATTACHMENTS = {BINARY_EVENT: EVENT, BINARY_ACK: ACK}

MOST_ATTACHMENTS = 16  # that one packet may announce

# After the "4" of Engine.IO: the kind, how many attachments, the namespace with a query that nobody reads, an ack's id.
HEAD = re.compile(r"4([0-6])(?:(\d{1,2})-)?(?:(/[^,?]*)[^,]*,?)?(\d{0,20})", re.ASCII)


class Malformed(ValueError):
    """What came is no packet that a client may send."""


class Packet(NamedTuple):
    """One packet. `data` is an event with its arguments, the arguments of an ack, or what a CONNECT carries."""

    kind: str
    namespace: str
    id: int | None
    data: Any
    attachments: int = 0


def decoded(text: str) -> Packet:
    """Return the packet in an Engine.IO message; `text` begins with its "4". Raises ValueError."""
    head = HEAD.match(text)
    if head is None:
        raise Malformed
    kind, announced, namespace, digits = head.groups()
    rest = text[head.end() :]
    data = (from_json if kind == EVENT else orjson.loads)(rest) if rest else None
    id = int(digits) if digits else None
    attachments = int(announced) if announced else 0
    if not _is_sound(kind, id, data, attachments):
        raise Malformed
    return Packet(kind, namespace or "/", id, data, attachments)


def _is_sound(kind: str, id: int | None, data: Any, attachments: int) -> bool:
    """Tell whether a packet has what its kind asks for, and no more."""
    if attachments or kind in WITH_ATTACHMENTS:
        kind = WITH_ATTACHMENTS.get(kind, "") if 0 < attachments <= MOST_ATTACHMENTS else ""
    if kind == EVENT:
        return data.__class__ is list and len(data) > 0 and data[0].__class__ is str
    if kind == ACK:
        return data.__class__ is list and id is not None
    if kind == CONNECT:
        return id is None and (data is None or data.__class__ is dict)
    return kind == DISCONNECT and id is None and data is None
