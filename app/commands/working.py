"""A worker: serves on the socket that its supervisor holds for its slot, and goes when the supervisor is gone."""

import asyncio
import os
import signal
import socket
from contextlib import suppress

from pydantic import SecretStr

from app.commands.running import open_door, prepared
from app.commands.stopping import until_stopped
from app.commands.surroundings import database_for
from app.settings import Settings

READY = b"1"
MOST = 1 << 16  # bytes of the database's address, which the line brings first: arguments are for everyone to read


async def work(settings: Settings, slot: str) -> None:
    """Serve until a signal comes; `slot` names two open files, the socket to listen on and the supervisor's line."""
    door, line = (socket.socket(fileno=int(each)) for each in slot.split(","))
    settings = settings.model_copy(update={"mongodb_uri": SecretStr(line.recv(MOST).decode())})
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is meant for the supervisor
    with until_stopped(), door, line:
        _leave_with_supervisor(line)
        async with database_for(settings, "server") as uri, prepared(settings, uri, door) as runner:
            await open_door(runner, door, settings)
            line.send(READY)
            try:
                await asyncio.Event().wait()  # until a signal comes
            finally:
                asyncio.get_running_loop().remove_reader(line)  # one signal is enough


def _leave_with_supervisor(line: socket.socket) -> None:
    """Stop in order when the other end of the line closes: nobody would start us again, or stop us."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(line)
        with suppress(OSError):
            os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(line, ended)
