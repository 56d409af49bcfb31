"""Put binary packets together: a packet with placeholders, then each of its attachments in a frame of its own."""

from typing import Any

from app.sockets.packets import WITH_ATTACHMENTS, Malformed, Packet


class Attachments:
    """Packets that wait for attachments: one a connection, and `packets.MOST_ATTACHMENTS` bounds what it holds."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Packet, list[bytes]]] = {}

    def await_rest(self, sid: str, packet: Packet) -> None:
        """Keep a connection's packet until its attachments have come."""
        self._waiting[sid] = (packet, [])

    def are_awaited(self, sid: str) -> bool:
        """Tell whether a connection owes us attachments: until they came, it may send no other packet."""
        return sid in self._waiting

    def add(self, sid: str, attachment: bytes) -> Packet | None:
        """Take an attachment; the packet that it makes whole. Raises Malformed when none was announced."""
        if sid not in self._waiting:
            raise Malformed
        packet, parts = self._waiting[sid]
        parts.append(attachment)
        if len(parts) < packet.attachments:
            return None
        del self._waiting[sid]
        return packet._replace(kind=WITH_ATTACHMENTS[packet.kind], data=_filled(packet.data, parts), attachments=0)

    def forget(self, sid: str) -> None:
        """Let go of what a connection that is over had begun."""
        self._waiting.pop(sid, None)


def _filled(data: Any, parts: list[bytes]) -> Any:
    """Return the data with each placeholder replaced. Raises Malformed when there is no such attachment."""
    if isinstance(data, list):
        return [_filled(each, parts) for each in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is not True:
        return {name: _filled(value, parts) for name, value in data.items()}
    number = data.get("num")
    if not isinstance(number, int) or not 0 <= number < len(parts):
        raise Malformed
    return parts[number]
