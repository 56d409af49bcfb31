"""Other callers while a stranger attacks: they ask on a schedule, whether or not they were answered before."""

import asyncio
import itertools
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp

from bench.strangers.guesses import EMAIL
from bench.strangers.wires import Target

EVERY = 0.02  # seconds between two requests of a kind
SIGN_IN_EVERY = 1.0
ANSWER_WITHIN = 60.0
PASSWORD = "a long enough password of the owner"


@dataclass
class Waits:
    """How long callers of one kind waited, in seconds, and how often they were refused or cut off."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    def within(self, share: float) -> float:
        """Return the wait, in ms, that this share of the callers stayed within."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


class Callers:
    """Who asks for /health/live and who posts messages with good keys, all from one address."""

    def __init__(self, target: Target, address: str, keys: Sequence[str], contact_id: str) -> None:
        self.base = f"http://127.0.0.1:{target.port}"
        self.address = address
        self.keys = itertools.cycle(keys)
        self.message = {
            "contact_id": contact_id, "role": "user", "platform": "web", "direction": "inbound", "content": "Hello?",
        }  # fmt: skip
        self.health, self.posts, self.sign_ins = Waits(), Waits(), Waits()

    async def until(self, over: asyncio.Future[object], *, sign_in: bool = False) -> None:
        """Ask until this is over and everybody has been answered."""
        connector = aiohttp.TCPConnector(limit=0, local_addr=(self.address, 0))
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
        async with aiohttp.ClientSession(self.base, connector=connector, timeout=timeout) as http:
            if sign_in:
                await self._repeat(over, SIGN_IN_EVERY, self.sign_ins, lambda: self._sign_in(http))
                return
            await asyncio.gather(
                self._repeat(over, EVERY, self.health, lambda: self._live(http)),
                self._repeat(over, EVERY, self.posts, lambda: self._post(http)),
            )

    async def _repeat(
        self, over: asyncio.Future[object], every: float, waits: Waits, ask: Callable[[], Awaitable[bool]]
    ) -> None:
        asking: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while not over.done():
            asking.add(task := asyncio.create_task(timed(waits, due, ask)))
            task.add_done_callback(asking.discard)
            due += every
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.gather(*asking)

    async def _live(self, http: aiohttp.ClientSession) -> bool:
        async with http.get("/health/live") as answer:
            return answer.status == 200

    async def _post(self, http: aiohttp.ClientSession) -> bool:
        headers = {"X-API-Key": next(self.keys), "Idempotency-Key": uuid4().hex}
        async with http.post("/api/v1/messages", json=self.message, headers=headers) as answer:
            return answer.status == 201

    async def _sign_in(self, http: aiohttp.ClientSession) -> bool:
        async with http.post("/api/v1/auth/login", json={"email": EMAIL, "password": PASSWORD}) as answer:
            return answer.status == 200


async def timed(waits: Waits, due: float, ask: Callable[[], Awaitable[bool]]) -> None:
    """Ask once; the wait begins when it was due, so that what held up the asking counts too."""
    try:
        answered = await ask()
    except (aiohttp.ClientError, TimeoutError, OSError):
        answered = False
    waits.refused += not answered
    waits.seconds.append(time.monotonic() - due)
