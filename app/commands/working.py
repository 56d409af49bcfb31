"""A worker: serves on the socket that its supervisor holds for its slot, and goes when the supervisor is gone."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from loguru import logger
from pydantic import SecretStr

from app.commands.running import open_door, prepared
from app.commands.stopping import stop_within, until_stopped
from app.commands.surroundings import database_for
from app.settings import Settings

READY, BEAT = b"1", b"."
EVERY = 1.0  # seconds between two beats
MOST = 1 << 16  # bytes of the database's address, which the line brings first: arguments are for everyone to read


async def work(settings: Settings, slot: str) -> None:
    """Serve until a signal comes. `slot` is its number and two open files: the socket, and the supervisor's line."""
    number, *files = slot.split(",")
    logger.configure(extra={"slot": int(number)})  # in every line from here on: all workers write to one log
    door, line = (socket.socket(fileno=int(each)) for each in files)
    settings = settings.model_copy(update={"mongodb_uri": SecretStr(line.recv(MOST).decode())})
    line.setblocking(False)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is meant for the supervisor
    with until_stopped(stop_within(settings)), door, line, ExitStack() as stack:
        _leave_with_supervisor(line)
        async with database_for(settings, "server") as uri, prepared(settings, uri, door) as runner:
            await open_door(runner, door, settings)
            line.send(READY)
            stack.enter_context(_beating(line))  # to the very end: leaving takes a while, and may hang as well
            try:
                await asyncio.Event().wait()  # until a signal comes
            finally:
                asyncio.get_running_loop().remove_reader(line)  # one signal is enough


@contextmanager
def _beating(line: socket.socket) -> Iterator[None]:
    """Tell the supervisor each second that our loop turns: one that hangs serves nobody, and dies of nothing."""

    async def beat() -> None:
        while True:
            with suppress(OSError):  # it does not read just now, or is gone: then we leave as well
                line.send(BEAT)
            await asyncio.sleep(EVERY)

    task = asyncio.create_task(beat(), name="beat")
    try:
        yield
    finally:
        task.cancel()


def _leave_with_supervisor(line: socket.socket) -> None:
    """Stop in order when the other end of the line closes: nobody would start us again, or stop us."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(line)
        with suppress(OSError):
            os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(line, ended)
