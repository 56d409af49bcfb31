"""Several servers send one company's replies: each goes out once, and who was away for too long changes nothing."""

import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.actions.create_contact import NewContact, create_contact
from app.actions.found_company import found_company
from app.actions.send_message import send_message
from app.hub import Hub
from app.jobs.outbox import Outbox
from app.main import open_hub
from app.models.contact import Identity, Platform
from app.models.entity import CompanyId
from app.stores.codec import object_id
from tests.cli.processes import Server, serving
from tests.cluster.redis import Redis
from tests.cluster.workers import workers
from tests.delivery.kill import draft_for, operator
from tests.delivery.shop import SECRETS, connect, text_of
from tests.desk import database_uri, settings_for
from tests.fake_platforms import FakePlatforms, serving_platforms
from tests.fake_platforms.state import Rule, Token
from tests.waiting import until

CUSTOMERS = 20


class Town:
    """A company with customers on Telegram, whose replies the servers send; ours only writes them down."""

    def __init__(self, hub: Hub, fake: FakePlatforms, server: Server) -> None:
        self.hub, self.fake, self.server = hub, fake, server
        self.company_id = CompanyId("")
        self.contacts: list[str] = []

    async def settle(self) -> None:
        """Connect the account and let the customers in."""
        self.company_id = (await found_company(self.hub, "Town")).id
        channel_id = await connect(self.hub, self.company_id, Platform.TELEGRAM, SECRETS[Platform.TELEGRAM])
        for number in range(CUSTOMERS):
            name = str(1000 + number)
            self.fake.state.last_in[name] = time.time()
            identity = Identity(platform=Platform.TELEGRAM, channel_id=channel_id, external_id=name)
            new = NewContact(name=name, identities=(identity,))
            contact, _ = await create_contact(self.hub, operator(self.hub, self.company_id), new)
            self.contacts.append(contact["id"])

    async def reply(self, contact: int, text: str) -> None:
        """Write a reply down."""
        await send_message(self.hub, operator(self.hub, self.company_id), draft_for(self.contacts[contact], text))

    async def at_rest(self) -> bool:
        """Tell whether nothing is left to be sent."""
        return await self.hub.store.lanes.collection.count_documents({}) == 0

    async def states(self) -> dict[str, str]:
        """Return what became of each reply, by its text."""
        found = self.hub.store.messages.collection.find({"company_id": object_id(self.company_id)})
        return {row["content"]: row["delivery"]["state"] async for row in found}

    def sent(self) -> Counter[str]:
        """Return how often each text reached the platform."""
        return Counter(text_of(each.body) for each in self.fake.state.sent)


@asynccontextmanager
async def town(
    folder: Path, mongo_uri: str, redis: Redis, workers: int, platform_timeout: str = "1s"
) -> AsyncIterator[Town]:
    """Run the servers, and the platform that they send to."""
    uri = database_uri(mongo_uri)
    async with serving_platforms() as fake:
        fake.state.tokens["7:good"] = Token()
        given = {"TELEGRAM_BASE_URL": fake.base, "PLATFORM_TIMEOUT": platform_timeout, "RATE_LIMITS": "off"}
        told = {"MONGODB_URI": uri, "REDIS_URL": redis.url, "LOG_LEVEL": "WARNING", **given}
        async with (
            serving(folder, "serve", "--workers", str(workers), **told) as server,
            open_hub(settings_for(uri, folder / ".parley", **given), uri) as hub,
        ):
            here = Town(hub, fake, server)
            await here.settle()
            yield here


async def test_each_reply_goes_out_once_whoever_sends_it(mongo_uri: str, redis: Redis, tmp_path: Path) -> None:
    async with town(tmp_path, mongo_uri, redis, 2) as here:
        texts = [f"{number} to {contact}" for number in range(3) for contact in range(CUSTOMERS)]
        for text in texts:
            await here.reply(int(text.rpartition(" ")[2]), text)
        await until(here.at_rest, within=60)
        assert here.sent() == Counter(texts)
        assert await here.states() == dict.fromkeys(texts, "sent")


async def test_killed_senders_leave_replies_uncertain_and_the_next_go_out(
    mongo_uri: str, redis: Redis, tmp_path: Path
) -> None:
    async with town(tmp_path, mongo_uri, redis, 2) as here:
        here.fake.state.rules.append(Rule(match={"text_contains": "first"}, action={"hang": True}, times=-1))
        for contact in range(CUSTOMERS):
            await here.reply(contact, f"first to {contact}")
            await here.reply(contact, f"next to {contact}")
        await until(here.sent, within=20)
        for pid in workers(here.server):
            os.kill(pid, signal.SIGKILL)
        await until(here.at_rest, within=90)
        states = await here.states()
        assert {state for text, state in states.items() if text.startswith("first")} == {"uncertain"}
        assert {state for text, state in states.items() if text.startswith("next")} == {"sent"}
        assert set(here.sent().values()) == {1}


async def test_a_sender_that_stood_still_past_its_claim_sends_nothing_and_proves_what_it_knows(
    mongo_uri: str, redis: Redis, tmp_path: Path
) -> None:
    async with town(tmp_path, mongo_uri, redis, 1, platform_timeout="3s") as here:
        # Long enough to stop the sender before the answer comes, on a busy machine too.
        here.fake.state.rules.append(Rule(match={"text_contains": "first"}, action={"delay": 2.5}))
        (stopped,) = workers(here.server)
        await here.reply(0, "first to 0")
        await until(lambda: here.sent()["first to 0"], within=20)
        os.kill(stopped, signal.SIGSTOP)
        try:
            await another_takes_over(here)
        finally:
            os.kill(stopped, signal.SIGCONT)
        await here.reply(0, "next to 0")
        await until(lambda: here.sent()["next to 0"], within=30)
        await until(here.at_rest, within=30)
        states = await here.states()
        # The answer waits in its socket, but its time is up as well: whichever it hears of first when it goes on.
        assert states.pop("first to 0") in ("sent", "uncertain")
        assert states == {"next to 0": "sent"}
        assert here.sent() == Counter(["first to 0", "next to 0"])


async def another_takes_over(here: Town) -> None:
    """Let this process find the claim that ran out, as any other would."""
    outbox = Outbox(here.hub)

    async def ended() -> Any:
        await outbox.reap()
        return (await here.states()).get("first to 0") == "uncertain"

    await until(ended, within=30)
    await outbox.close()
