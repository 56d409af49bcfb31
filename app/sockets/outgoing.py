"""Everything that is said within one tick of the event loop is written at its end, with one write a socket.

What a room is told waits once for all its members, as long as nothing else is said to anyone: a burst to a thousand
sockets is joined once, and costs each of them one write of the same bytes.
"""

import asyncio
from collections.abc import Mapping

from app.sockets.connection import Connection


class Outgoing:
    """What waits for the end of the tick, in the order in which each client will read it."""

    def __init__(self) -> None:
        self._dirty: list[Connection] = []  # who has frames of their own waiting
        self._crowd: Mapping[str, Connection] = {}  # who is told what is in `_said`, after those
        self._said: list[bytes] = []

    def tell(self, crowd: Mapping[str, Connection], data: bytes) -> None:
        """Send a frame to everyone in a room."""
        if not crowd:
            return
        if crowd is not self._crowd or not self._said:
            self.settle()
            self._crowd = crowd
            self._flush_soon()
        self._said.append(data)

    def settle(self) -> None:
        """Give its members what a room was told: before anyone is told anything else, joins or leaves."""
        if self._said:
            said = self._taken()
            for connection in self._crowd.values():
                connection.append(said)

    def mark_dirty(self, connection: Connection) -> None:
        """Flush this connection at the end of the tick."""
        self._flush_soon()
        self._dirty.append(connection)

    def _flush_soon(self) -> None:
        if not self._dirty and not self._said:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Write to everyone. A client that owes too much is aborted by its write, and leaves its rooms in that step."""
        dirty, self._dirty = self._dirty, []
        if self._said:
            said, crowd = self._taken(), tuple(self._crowd.values())
            for connection in crowd:
                if connection.out:
                    connection.out.append(said)
                elif not connection.closed:
                    connection.transport.write(said)
        for connection in dirty:
            connection.flush()

    def _taken(self) -> bytes:
        said, self._said = self._said, []
        return said[0] if len(said) == 1 else b"".join(said)
