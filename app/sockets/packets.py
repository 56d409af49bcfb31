"""Read Socket.IO packets, as strictly as they are specified. https://github.com/socketio/socket.io-protocol"""

from typing import Any, NamedTuple

import orjson

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = "0123456"
WITH_ATTACHMENTS = {BINARY_EVENT: EVENT, BINARY_ACK: ACK}

MOST_DIGITS = 20  # in an ack id; a client counts from 0
MOST_ATTACHMENTS = 16  # that one packet may announce


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
    kind, at, attachments = text[1:2], 2, 0
    if kind in WITH_ATTACHMENTS:
        dash = text.find("-", at)
        attachments, at = _number(text[at:dash]), dash + 1
        if dash < 0 or not 0 < attachments <= MOST_ATTACHMENTS:
            raise Malformed
    namespace = "/"
    if text.startswith("/", at):
        comma = text.find(",", at)
        end = len(text) if comma < 0 else comma
        namespace, at = text[at:end].partition("?")[0], end + 1
    if kind in (CONNECT, DISCONNECT):
        return Packet(kind, namespace, None, _said_at_the_door(kind, text[at:]))
    return Packet(kind, namespace, *_said(kind, text, at), attachments)


def _said(kind: str, text: str, at: int) -> tuple[int | None, list[Any]]:
    """Return the id and the arguments of an event or an ack."""
    kind = WITH_ATTACHMENTS.get(kind, kind)
    start = text.find("[", at)
    if start < 0 or kind not in (EVENT, ACK):
        raise Malformed
    id = _number(text[at:start]) if start > at else None
    data: list[Any] = orjson.loads(text[start:])  # it begins with "[", so it is a list
    if id is None if kind == ACK else not data or data[0].__class__ is not str:
        raise Malformed
    return id, data


def _said_at_the_door(kind: str, text: str) -> dict[str, Any] | None:
    """Return what a CONNECT carries; a DISCONNECT carries nothing."""
    said = orjson.loads(text) if text else None
    if said is not None and (kind == DISCONNECT or said.__class__ is not dict):
        raise Malformed
    return said


def _number(digits: str) -> int:
    if len(digits) > MOST_DIGITS or not (digits.isascii() and digits.isdigit()):
        raise Malformed
    return int(digits)
