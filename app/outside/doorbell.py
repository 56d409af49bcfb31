"""A doorbell between processes, rung and heard through Redis: never waited for, and never missed for long.

Redis keeps nothing for us, it only carries: it may be flushed, restarted, paused or away. Who relies on a ring must
find the same by looking, a moment later. A process rings on a channel of each company, and attends those that it cares
for; one more channel is for all.
"""

import asyncio
import random
import socket
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from loguru import logger
from redis.asyncio import Connection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.outside.kept import cancelled_for_good, keep_running
from app.outside.trace import untraced

PATIENCE = 0.3  # seconds that Redis may take to answer
BEAT = 1.0  # seconds between two signs of life
SILENT = 4.0  # seconds without a sign of life after which a process, or Redis, counts as gone
ALONE = 30.0  # seconds without Redis after which what other processes said is not believed any more
PAUSE = (0.1, 1.0)  # seconds, with jitter, before the next try to reach Redis
MOST_WAITING = 8 << 20  # bytes that wait to be rung; beyond them the oldest go: the poll finds what they told of
ALIVE = "alive"

Hear = Callable[[str, str | None, bytes], None]  # the process that rang, the company, what it says

# What reading something raises that is not what it should be.
GARBLED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, OSError)
_AWAY = (RedisError, OSError, TimeoutError, asyncio.IncompleteReadError)


class Doorbell:
    """This process at the door. `house` parts deployments that share a Redis; without a `url` nobody hears anything."""

    def __init__(self, url: str | None, house: str, process: str) -> None:
        self.process = process
        self.reached = False  # whether Redis carries what we ring, as far as we know
        self.seen: dict[str, float] = {}  # other processes, and when they last gave a sign, on the monotonic clock
        self.on_reached: list[Callable[[], None]] = []
        self.on_attended: list[Callable[[str], None]] = []  # a company, from now on: what was rung before was not heard
        self.on_gone: list[Callable[[str], None]] = []
        self.on_beat: list[Callable[[], None]] = []
        self._house = f"parley:{house}:"
        self._hears: dict[str, Hear] = {ALIVE: _nothing}
        self._attended: set[str] = {""}
        self._carried: set[str] = set()  # those that Redis has confirmed
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._rung = asyncio.Event()
        self._silent = asyncio.Event()  # while nothing waits to be rung
        self._silent.set()
        self._tuning: asyncio.Queue[tuple[str, str]] | None = None  # while Redis hears us
        self._pool = _pool(url) if url else None
        self._resolver = ThreadPoolExecutor(1, "doorbell")  # starts no thread before it is used
        self._looking_up: asyncio.Future[Any] | None = None
        self._told = False  # that Redis is away
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Return the bytes that wait to be rung."""
        return self._bytes

    def on(self, kind: str, hear: Hear) -> None:
        """Hear rings of this kind, but for our own; what cannot be understood may raise any of GARBLED."""
        self._hears[kind] = hear

    def start(self) -> None:
        """Begin to ring and to hear."""
        if self._pool is not None:
            keep_running(self._tasks, "doorbell-ring", partial(self._try_on, self._ring_on))
            keep_running(self._tasks, "doorbell-hear", partial(self._try_on, self._hear_on))
            keep_running(self._tasks, "doorbell-beat", self._beat_on)

    async def close(self) -> None:
        """Go, when what waits has been rung or in a moment; what was not rung yet is found by those who look."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._silent.wait()
        await cancelled_for_good(set(self._tasks))
        self._resolver.shutdown(wait=False, cancel_futures=True)

    def ring(self, kind: str, says: bytes, company_id: str = "") -> None:
        """Tell the other processes, those that attend this company or all; returns at once, whatever Redis does."""
        if self._pool is None:
            return
        message = b"%s %s %s" % (self.process.encode(), kind.encode(), says)
        self._waiting.append((company_id, message))
        self._bytes += len(message)
        while self._bytes > MOST_WAITING:
            self._bytes -= len(self._waiting.popleft()[1])
        self._rung.set()
        self._silent.clear()

    def attend(self, company_id: str) -> None:
        """Hear what is rung for a company."""
        self._attended.add(company_id)
        if self._tuning is not None:
            self._tuning.put_nowait(("SUBSCRIBE", company_id))

    def leave(self, company_id: str) -> None:
        """Hear it no more."""
        self._attended.discard(company_id)
        self._carried.discard(company_id)
        if self._tuning is not None:
            self._tuning.put_nowait(("UNSUBSCRIBE", company_id))

    def carries(self, company_id: str) -> bool:
        """Tell whether what others ring for a company is heard here."""
        return self.reached and company_id in self._carried

    async def _try_on(self, work: Callable[[Connection], Coroutine[Any, Any, None]]) -> None:
        """Do this as long as there is a Redis, and whenever there is one again."""
        assert self._pool is not None
        while True:
            connection: Connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                await self._look_up()
                await connection.connect()  # type: ignore[no-untyped-call]
                await work(connection)
            except _AWAY as error:
                self._lost(error)
            finally:
                await connection.disconnect(nowait=True)
            await asyncio.sleep(random.uniform(*PAUSE))

    async def _look_up(self) -> None:
        """Find the address in a thread of our own, one look-up at a time: one that hangs must not take everyone's."""
        assert self._pool is not None
        host = self._pool.connection_kwargs.get("host")
        if host is None:
            return
        if self._looking_up is None or self._looking_up.done():
            loop = asyncio.get_running_loop()
            self._looking_up = loop.run_in_executor(self._resolver, socket.getaddrinfo, host, None)
        async with asyncio.timeout(PATIENCE):
            await asyncio.shield(self._looking_up)

    def _lost(self, error: BaseException) -> None:
        self._waiting.clear()
        self._bytes = 0
        self._silent.set()
        if self.reached or not self._told:
            self.reached, self._told = False, True
            logger.bind(error=type(error).__name__).warning("redis is away; other processes are heard by polling")

    async def _ring_on(self, mouth: Connection) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            rung, self._waiting, self._bytes = self._waiting, deque(), 0
            commands = [("PUBLISH", self._house + company_id, message) for company_id, message in rung]
            await mouth.send_packed_command(mouth.pack_commands(commands))
            for _ in rung:
                await mouth.read_response()
            if not self._waiting:
                self._silent.set()

    async def _hear_on(self, ears: Connection) -> None:
        self._tuning = asyncio.Queue()  # what is attended from here on
        await ears.send_command("SUBSCRIBE", *(self._house + each for each in self._attended))
        tuning = asyncio.create_task(self._tune_on(ears, self._tuning), name="doorbell-tune", context=untraced())
        try:
            while True:
                said = await ears.read_response(timeout=SILENT)  # our own beat comes back to us
                if said is None:
                    raise TimeoutError
                if said[0] == b"message":
                    self._heard(said[1], said[2])
                elif said[0] == b"subscribe":
                    self._confirmed(said[1].decode().removeprefix(self._house))
        finally:
            tuning.cancel()
            self._tuning = None
            self._carried.clear()

    def _confirmed(self, company_id: str) -> None:
        self._carried.add(company_id)
        for each in self.on_attended:
            each(company_id)

    async def _tune_on(self, ears: Connection, tuning: "asyncio.Queue[tuple[str, str]]") -> None:
        """Say what we listen to from now on; what fails is said at the next connect."""
        with suppress(*_AWAY):
            while True:
                command, company_id = await tuning.get()
                await ears.send_command(command, self._house + company_id)

    def _heard(self, channel: bytes, message: bytes) -> None:
        try:
            process, kind, says = message.split(b" ", 2)
            if process.decode() == self.process:
                return self._reached()
            self.seen[process.decode()] = time.monotonic()
            hear = self._hears.get(kind.decode(), _nothing)  # a newer process may ring what we do not know
            hear(process.decode(), channel.decode().removeprefix(self._house) or None, says)
        except GARBLED as error:
            logger.bind(error=type(error).__name__).warning("a ring could not be understood")

    def _reached(self) -> None:
        """Know that Redis carries again; whoever was silent because of it gets its time anew."""
        if self.reached:
            return
        self.reached = True
        logger.info("redis carries between processes")
        now = time.monotonic()
        self.seen = dict.fromkeys(self.seen, now)
        for each in self.on_reached:
            each()

    async def _beat_on(self) -> None:
        while True:
            self.ring(ALIVE, b"")
            for each in self.on_beat:
                each()
            await asyncio.sleep(BEAT)
            self._miss(time.monotonic() - (SILENT if self.reached else ALONE))

    def _miss(self, silent_since: float) -> None:
        """Let go of processes that gave no sign for a while."""
        for process in [process for process, seen in self.seen.items() if seen < silent_since]:
            del self.seen[process]
            for each in self.on_gone:
                each(process)


def _pool(url: str) -> ConnectionPool:
    """Return what makes connections of one manner: short waits, no retry, as the next look is a retry."""
    return ConnectionPool.from_url(
        url, protocol=2, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
    )


def _nothing(process: str, company_id: str | None, says: bytes) -> None:
    """Hear that a process lives, which `seen` knows already."""
