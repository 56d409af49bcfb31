"""Many workers on one port: started together, started again when one dies, replaced one after the other on SIGHUP.

The port is bound once for each slot, with SO_REUSEPORT, and the kernel deals new connections to the slots. A slot's
socket outlives its worker: what waits in its queue is taken by the successor, and nobody is refused or reset.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loguru import logger

import app
from app.commands.command import CommandError
from app.commands.running import BACKLOG, bound, cannot_listen
from app.commands.stopping import stop_within, until_stopped
from app.commands.surroundings import database_for
from app.commands.welcome import Welcome
from app.commands.worker import LATER, Worker
from app.settings import Settings

SUPERVISED = hasattr(socket, "SO_REUSEPORT") and sys.platform != "win32"
RESTING = (0.1, 5.0)  # seconds before a worker that died is started again: doubled for each death in a row
STEADY = 10.0  # seconds after which a worker's death is no more one in a row

# A worker is this same program, wherever its folder is and however we were started.
_PROGRAM = f"""
import sys
sys.path.insert(0, {str(Path(app.__file__).parent.parent)!r})
from app.cli import main
sys.exit(main(sys.argv[1:]))
"""

Prepare = Callable[[str, socket.socket], Awaitable[Welcome]]


async def supervise(settings: Settings, workers: int, prepare: Prepare, say: Callable[[Welcome], None]) -> None:
    """Serve with so many workers until a signal comes. `prepare` is done once, before any; `say` when all are up.

    Raises CommandError where the port is taken or no worker comes up.
    """
    renew = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, renew.set)
    with until_stopped(supervisor_stops_within(settings)), ExitStack() as doors:
        with bound(settings) as alone:  # where others share the port, too, binding it shared would not fail
            place = settings.model_copy(update={"port": alone.getsockname()[1]})
        first, *rest = [doors.enter_context(bound(place, shared=True)) for _ in range(workers)]
        async with database_for(settings, "server") as uri:
            known = await prepare(uri, first)
            patience = stop_within(settings) + LATER
            crew = Crew([Slot(number, door, uri, patience) for number, door in enumerate((first, *rest))], renew=renew)
            for slot in crew.slots:
                _listen(settings, slot.door)
            try:
                await crew.start()
                say(known)
                await crew.keep()
            finally:
                await crew.stop()


def supervisor_stops_within(settings: Settings) -> int:
    """Return the seconds that stopping may take: a worker's, one until it is ended, and three for what is ours."""
    return stop_within(settings) + int(LATER) + 3


def _listen(settings: Settings, door: socket.socket) -> None:
    try:
        door.listen(BACKLOG)
    except OSError as error:
        raise cannot_listen(settings, error) from None


@dataclass(slots=True)
class Slot:
    """A place at the port: a bound socket, and whoever serves there."""

    number: int
    door: socket.socket
    uri: str
    leave_within: float  # seconds that its workers have to be gone
    worker: Worker | None = None
    deaths: int = 0
    change: asyncio.Lock = field(default_factory=asyncio.Lock)  # of who serves: one at a time

    async def start(self) -> Worker:
        """Start a worker on this slot's socket."""
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as undo:
            undo.enter_context(ours)
            ours.send(self.uri.encode())
            ours.setblocking(False)
            told = f"{self.number},{self.door.fileno()},{theirs.fileno()}"
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _PROGRAM, "serve", "--slot", told),
                pass_fds=(self.door.fileno(), theirs.fileno()),
                start_new_session=True,  # Ctrl-C reaches us alone: we tell it
            )
            undo.pop_all()
        return Worker(process, ours, asyncio.get_running_loop().time(), self.leave_within)


@dataclass(slots=True)
class Crew:
    """Every slot, kept manned."""

    slots: list[Slot]
    stopping: bool = False
    renew: asyncio.Event = field(default_factory=asyncio.Event)
    _here: set[Worker] = field(default_factory=set)
    _watching: set["asyncio.Task[None]"] = field(default_factory=set)

    async def start(self) -> None:
        """Start everyone. Raises CommandError when one does not come up: the others would not, either."""
        if not all(await asyncio.gather(*(self._man(slot) for slot in self.slots))):
            raise CommandError("A worker did not come up; what it said stands above.")

    async def _man(self, slot: Slot, instead_of: Worker | None = None) -> bool:
        """Put a new worker at a slot and send its predecessor away once the new one serves; False if it never does.

        With `instead_of` only if that one still has the slot.
        """
        async with slot.change:
            if self.stopping or (instead_of is not None and slot.worker is not instead_of):
                return True
            try:
                worker = await slot.start()
            except OSError as error:  # no memory, no process, no file: for now
                logger.bind(slot=slot.number, error=str(error)).error("a worker could not be started")
                return False
            self._watch(slot, worker)
            if not await worker.is_ready() or worker.process.returncode is not None:
                await worker.leave()
                return False
            before, slot.worker = slot.worker, worker
            logger.bind(slot=slot.number, pid=worker.process.pid).info("a worker serves")
            self._keep(worker.end_if_silent(slot.number), slot)
        if before is not None:
            await before.leave()
        return True

    def _watch(self, slot: Slot, worker: Worker) -> None:
        self._here.add(worker)
        self._keep(self._replace(slot, worker), slot)

    def _keep(self, watch: Coroutine[Any, Any, None], slot: Slot) -> None:
        task = asyncio.create_task(watch, name=f"slot-{slot.number}")
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _replace(self, slot: Slot, worker: Worker) -> None:
        """Wait for a worker's end; while it still had its slot, put another in its place."""
        code = await worker.process.wait()
        self._here.discard(worker)
        if self.stopping or slot.worker is not worker:
            return
        lived = asyncio.get_running_loop().time() - worker.began
        slot.deaths = 1 if lived > STEADY else slot.deaths + 1
        logger.bind(slot=slot.number, code=code, lived=round(lived, 1)).error("a worker died; another takes its place")
        await self._rest(slot)
        while not await self._man(slot, instead_of=worker):
            slot.deaths += 1
            await self._rest(slot)

    @staticmethod
    async def _rest(slot: Slot) -> None:
        """Start the first one again at once, and wait longer and longer for those after it."""
        if slot.deaths > 1:
            await asyncio.sleep(min(RESTING[0] * 2.0 ** min(slot.deaths - 1, 10), RESTING[1]))

    async def keep(self) -> None:
        """Replace everyone, one after the other, whenever SIGHUP asks for it."""
        while True:
            await self.renew.wait()
            self.renew.clear()
            for slot in self.slots:
                if not await self._man(slot):
                    logger.bind(slot=slot.number).error("a new worker did not come up; the others go on as they are")
                    break
            else:
                logger.info("every worker has been replaced")

    async def stop(self) -> None:
        """Send everyone away at once, and then those who were being started."""
        self.stopping = True
        await asyncio.gather(*(worker.leave() for worker in tuple(self._here)))
        for slot in self.slots:
            async with slot.change:
                await asyncio.gather(*(worker.leave() for worker in tuple(self._here)))
        for task in tuple(self._watching):
            task.cancel()
