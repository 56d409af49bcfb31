"""What the outbox is measured on: a company with twenty WhatsApp numbers, and platforms that answer in 50 ms."""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from loguru import logger

from app.actions.create_contact import NewContact, create_contact
from app.actions.draft import Draft
from app.actions.found_company import found_company
from app.actions.send_message import send_message
from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Change, Decision
from app.main import open_hub
from app.models.caller import Caller, CallerKind
from app.models.channel import Channel
from app.models.contact import Identity, Platform
from app.models.entity import ChannelId, ContactId
from app.models.message import Direction, MessageRole
from app.models.people import Scope
from app.outside.secrets import complete
from app.settings_reading import read_settings
from bench.process import Cores, free_port

CHANNELS, CUSTOMERS, ANSWERS_IN = 20, 20, 50  # channels; customers of each; milliseconds


@dataclass
class Stage:
    """`arrived` is when each text reached the platform, seconds since 1970 by the one clock of this machine."""

    hub: Hub
    caller: Caller
    platforms: str
    http: aiohttp.ClientSession
    contacts: list[list[ContactId]] = field(default_factory=list)
    channels: list[ChannelId] = field(default_factory=list)

    async def say(self, channel: int, customer: int, content: str) -> None:
        """Queue one reply."""
        draft = Draft(role=MessageRole.OPERATOR, direction=Direction.OUTBOUND, content=content,
                      contact_id=self.contacts[channel][customer], platform=Platform.WHATSAPP,
                      channel_id=self.channels[channel])  # fmt: skip
        await send_message(self.hub, self.caller, draft)

    async def tell(self, path: str, body: dict[str, Any]) -> None:
        """Tell the platforms what to do."""
        async with self.http.post(f"{self.platforms}/__fake__/{path}", json=body) as response:
            response.raise_for_status()

    async def begin(self, trouble: dict[str, Any] | None = None) -> None:
        """Let the platforms start anew; with `trouble` they treat the first channel's messages so."""
        await self.tell("reset", {})
        for number in range(CHANNELS):
            await self.tell("tokens", {"token": f"token-{number}"})
        if trouble:
            await self.tell("rules", {"match": {"token": "token-0"}, "action": trouble, "times": -1})
        await self.tell("rules", {"action": {"delay_ms": ANSWERS_IN}, "times": -1})

    async def arrivals(self) -> list[tuple[float, str, str]]:
        """When, to whom and what the platforms were given, in order."""
        async with self.http.get(f"{self.platforms}/__fake__/sent") as response:
            return [
                (each["ts"], each["recipient"], each["body"]["text"]["body"])
                for each in await response.json()
                if each["outcome"] == "delivered"
            ]

    async def rest(self) -> None:
        """Wait until the outbox is empty."""
        while await self.hub.store.lanes.collection.count_documents({}):
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def stage(uri: str, cores: Cores) -> AsyncIterator[Stage]:
    """Set it up; the database is dropped after."""
    server = uri.split("//", 1)[1].split("/", 1)[0]
    address = f"mongodb://{server}/bench_delivery?replicaSet=rs0"
    logger.disable("app")
    with tempfile.TemporaryDirectory() as folder:
        async with platforms_on(cores.load) as base, aiohttp.ClientSession() as http:
            environ = {"MONGODB_URI": address, "ENVIRONMENT": "test", "GRAPH_BASE_URL": base, "PLATFORM_TIMEOUT": "3s"}
            settings = complete(read_settings({**environ, "DATA_DIR": folder}))[0]
            async with open_hub(settings, address) as hub:
                try:
                    yield await furnished(hub, base, http)
                finally:
                    await hub.store.client.drop_database("bench_delivery")


@contextlib.asynccontextmanager
async def platforms_on(core: int) -> AsyncIterator[str]:
    """The fake platforms as a process of their own, on the load's core."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        "taskset", "-c", str(core), sys.executable, "-m", "tests.fake_platforms", "--port", str(port),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def furnished(hub: Hub, base: str, http: aiohttp.ClientSession) -> Stage:
    """A company, its channels and their customers."""
    company = await found_company(hub, "Bench")
    caller = Caller(kind=CallerKind.KEY, id=hub.new_id(), name="bench", company_id=company.id,
                    scopes=frozenset({Scope.ALL}))  # fmt: skip
    made = Stage(hub, caller, base, http)
    for number in range(CHANNELS):
        made.channels.append(await connected(hub, company.id, number))
        identities = [Identity(platform=Platform.WHATSAPP, channel_id=made.channels[-1], external_id=f"{number}-{each}")
                      for each in range(CUSTOMERS)]  # fmt: skip
        contacts = await asyncio.gather(
            *(create_contact(hub, caller, NewContact(name="Ann", identities=(each,))) for each in identities)
        )
        made.contacts.append([ContactId(contact["id"]) for contact, _ in contacts])
    await made.begin()
    return made


async def connected(hub: Hub, company_id: Any, number: int) -> ChannelId:
    """One WhatsApp number."""
    id = ChannelId(hub.new_id())

    def decide(_: object, now: Any) -> Decision:
        sealed = hub.vault.seal(id, {"access_token": f"token-{number}"})
        channel = Channel(id=id, company_id=company_id, platform=Platform.WHATSAPP, name=f"Number {number}",
                          external_id=f"{number}", sealed=sealed, main=False, created_at=now)  # fmt: skip
        return Decision(puts=(channel,), events=(ChannelUpdated(channel=channel),))

    await hub.journal.commit(Change(company_id=company_id, key=hub.new_id(), decide=decide))
    return id


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def pin(core: int) -> None:
    """Keep this process on one core."""
    os.sched_setaffinity(0, {core})


def cpu() -> float:
    """What this process has used so far, in seconds."""
    return time.process_time()
