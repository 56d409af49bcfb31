"""What happens to every client, and what must hold at its end: each client package runs through this table.

At the end of each scenario a client shows, or has answered, every message once, in order, and none is missing; what it
was asked to send is stored once; and nobody had to sign in again.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Flag, auto

from tests.clients.stage import Stage
from tests.waiting import until

SOON = 60.0  # seconds, on a busy machine


class Trait(Flag):
    """What a client has, and what a scenario is about."""

    ANY = 0
    SOCKET = auto()  # it is connected for long
    SIGN_IN = auto()  # it has a token that ends, and a session that its tabs share
    FILE = auto()  # it keeps its cursor where it survives the client


class Client(ABC):
    """A client under test, in a process of its own."""

    traits: Trait
    asks_with: bytes | None = None  # how its request to store something begins, where the network can see that

    @abstractmethod
    async def open(self, stage: Stage, *, sleepy: bool = False) -> None:
        """Start it; with `sleepy` its timers never ring, as in a laptop that is closed."""

    @abstractmethod
    async def say(self, stage: Stage, words: str) -> None:
        """Let it store something, and wait until it knows that this is stored."""

    @abstractmethod
    def stores(self, words: str) -> str:
        """Return what it stores when it says these words."""

    @abstractmethod
    async def complaint(self, stage: Stage) -> str | None:
        """Return what does not hold, None when everything does."""

    @abstractmethod
    async def close(self) -> None:
        """End it, if it was started."""

    async def kill(self) -> None:
        """End it without a word."""
        raise NotImplementedError

    async def shows(self, words: str) -> bool:
        """Tell whether a message with these words is shown."""
        raise NotImplementedError

    async def renewals(self) -> int:
        """Return how often it has renewed its session."""
        raise NotImplementedError

    async def say_around_expiry(self, stage: Stage, words: list[str]) -> None:
        """Let it say each of these, one after the other, from just before its token ends to just after."""
        raise NotImplementedError


@dataclass(frozen=True)
class Scenario:
    """One thing that happens. `tabs` clients live through it together."""

    name: str
    happens: Callable[[Stage, list[Client]], Awaitable[None]]
    needs: Trait = Trait.ANY
    tabs: int = 1
    sleepy: bool = False


async def cut_between_send_and_ack(stage: Stage, clients: list[Client]) -> None:
    (client,) = clients
    stage.proxy.lose_answers(after=client.asks_with)
    said = asyncio.create_task(client.say(stage, "Once?"))

    async def stored() -> bool:
        return await stage.is_stored(client.stores("Once?"))

    await until(stored, SOON)
    stage.proxy.cut()
    await asyncio.wait_for(said, SOON)


async def away_while_customers_write(stage: Stage, clients: list[Client]) -> None:
    stage.proxy.away = True
    stage.proxy.cut()
    for number in range(12):
        await stage.customer_writes(f"missed {number}")
    stage.proxy.away = False


async def restart(stage: Stage, clients: list[Client]) -> None:
    stage.proxy.away = True
    await stage.stop()
    await stage.start()
    await stage.customer_writes("missed by who was away")
    stage.proxy.away = False
    await asyncio.wait_for(clients[0].say(stage, "Back?"), SOON)


async def drain(stage: Stage, clients: list[Client]) -> None:
    said = asyncio.create_task(clients[0].say(stage, "Still there?"))
    await stage.replace()
    await asyncio.wait_for(said, SOON)
    await stage.customer_writes("to the new server")


async def restored_backup(stage: Stage, clients: list[Client]) -> None:
    """The log goes on from an older seq: the numbers that a client has seen stand for other events."""
    await stage.customer_writes("kept")
    await whole(stage, clients)
    backup = await stage.backed_up()
    for number in range(3):
        await stage.customer_writes(f"lost with the disk {number}")
    await whole(stage, clients)
    stage.proxy.away = True
    await stage.stop()
    await stage.restore(backup)
    await stage.start()
    for number in range(3):
        await stage.customer_writes(f"after the restore {number}")
    stage.proxy.away = False


async def load_races_with_events(stage: Stage, clients: list[Client]) -> None:
    """It begins anew while customers write: what it loads over REST is older, or newer, than the events that come."""
    for round in range(3):
        writing = asyncio.gather(*(stage.customer_writes(f"racing {round} {number}") for number in range(20)))
        await stage.new_epoch()
        await writing


async def page_overtaken_by_events(stage: Stage, clients: list[Client]) -> None:
    """A page of messages is on its way for long: it says less than the events that came meanwhile."""
    (client,) = clients
    message = await stage.customer_writes("Helo?")
    await whole(stage, clients)
    stage.proxy.hold_answers(after=f"GET /api/v1/conversations/{stage.conversation_id}/messages".encode())
    await stage.new_epoch()
    await until(stage.proxy.is_holding, SOON)
    await stage.customer_edits(message["id"], "Hello?")

    async def shown() -> bool:
        return await client.shows("Hello?")

    await until(shown, SOON)
    stage.proxy.release()


async def killed(stage: Stage, clients: list[Client]) -> None:
    (client,) = clients
    writing = asyncio.gather(*(stage.customer_writes(f"while it dies {number}") for number in range(20)))
    await client.kill()
    await writing
    await client.open(stage)


async def expiry_with_a_sleeping_timer(stage: Stage, clients: list[Client]) -> None:
    (client,) = clients

    async def renewed() -> bool:
        return await client.renewals() >= 1

    await until(renewed, SOON)
    await stage.customer_writes("after the night")
    await client.say(stage, "Good morning!")


async def expiry_in_the_moment_of_a_send(stage: Stage, clients: list[Client]) -> None:
    (client,) = clients
    words = [f"in the moment {number}" for number in range(12)]
    await asyncio.wait_for(client.say_around_expiry(stage, words), SOON)


async def six_tabs(stage: Stage, clients: list[Client]) -> None:
    """They share one sign-in, and renew it at the same moment, twice."""

    async def renewed() -> bool:
        return sum([await client.renewals() for client in clients]) >= 2 * len(clients)

    await until(renewed, SOON)
    await stage.customer_writes("to all tabs")
    for place, client in enumerate(clients):
        await client.say(stage, f"from tab {place}")


async def whole(stage: Stage, clients: list[Client]) -> None:
    """Wait until everything holds for everyone, or fail with what does not."""
    for client in clients:
        last: list[str | None] = []

        async def holds(client: Client = client, last: list[str | None] = last) -> bool:
            last[:] = [await client.complaint(stage)]
            return last == [None]

        try:
            await until(holds, SOON)
        except AssertionError:
            raise AssertionError(last[0]) from None


SCENARIOS = (
    Scenario("cut between send and ack", cut_between_send_and_ack),
    Scenario("away while customers write", away_while_customers_write),
    Scenario("restart", restart),
    Scenario("drain", drain),
    Scenario("restored backup", restored_backup),
    Scenario("load races with events", load_races_with_events),
    Scenario("page overtaken by events", page_overtaken_by_events, Trait.SOCKET),
    Scenario("killed and started again", killed, Trait.FILE),
    Scenario("expiry with a sleeping timer", expiry_with_a_sleeping_timer, Trait.SIGN_IN, sleepy=True),
    Scenario("expiry in the moment of a send", expiry_in_the_moment_of_a_send, Trait.SIGN_IN, sleepy=True),
    Scenario("six tabs", six_tabs, Trait.SIGN_IN, tabs=6),
)
