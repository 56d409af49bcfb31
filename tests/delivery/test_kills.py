"""A server is killed anywhere on a message's way: it is sent once, or uncertain once it was claimed; never stuck."""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.actions.create_contact import NewContact, create_contact
from app.actions.found_company import found_company
from app.actions.read_messages import read_message
from app.actions.send_message import send_message
from app.hub import Hub
from app.jobs.outbox import Outbox
from app.main import open_hub
from app.models.contact import Identity, Platform
from tests.delivery.kill import draft_for, operator
from tests.delivery.shop import SECRETS, connect, text_of
from tests.desk import database_uri, settings_for
from tests.fake_platforms import FakePlatforms, serving_platforms
from tests.fake_platforms.state import Rule, Token
from tests.waiting import until

# Where it is killed, what becomes of the message, and how many calls reach the platform for it.
POINTS = [
    ("before_commit", "sent", 1),
    ("after_commit", "sent", 1),
    ("after_claim", "uncertain", 0),
    ("request_left", "uncertain", 1),
    ("after_answer", "uncertain", 1),
    ("before_outcome", "uncertain", 1),
]


@pytest.mark.parametrize(("point", "state", "calls"), POINTS)
async def test_killed_on_the_way(mongo_uri: str, tmp_path: Path, point: str, state: str, calls: int) -> None:
    uri = database_uri(mongo_uri)
    async with serving_platforms() as fake:
        fake.state.tokens["7:good"] = Token()
        fake.state.last_in["42"] = time.time()
        given = {"TELEGRAM_BASE_URL": fake.base, "PLATFORM_TIMEOUT": "1s"}
        async with open_hub(settings_for(uri, tmp_path, **given), uri) as hub:
            try:
                told = await _set_up(hub) | {"uri": uri, "folder": str(tmp_path), "settings": given, "point": point}
                await _let_it_die(fake, told, point)
                await _and_go_on(hub, fake, told, state, calls)
            finally:
                await hub.store.client.drop_database(hub.settings.database)


async def _set_up(hub: Hub) -> dict[str, Any]:
    company = await found_company(hub, "Mortal")
    channel_id = await connect(hub, company.id, Platform.TELEGRAM, SECRETS[Platform.TELEGRAM])
    identity = Identity(platform=Platform.TELEGRAM, channel_id=channel_id, external_id="42")
    contact, _ = await create_contact(hub, operator(hub, company.id), NewContact(name="Ann", identities=(identity,)))
    return {"company_id": company.id, "contact_id": contact["id"]}


async def _let_it_die(fake: FakePlatforms, told: dict[str, Any], point: str) -> None:
    if point == "request_left":
        fake.state.rules.append(Rule(match={}, action={"hang": True}))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.delivery.mortal", json.dumps(told), cwd=Path(__file__).parents[2]
    )
    try:
        if point == "request_left":
            await until(lambda: fake.state.sent, within=20)
            process.kill()
        assert await asyncio.wait_for(process.wait(), 20) == -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _and_go_on(hub: Hub, fake: FakePlatforms, told: dict[str, Any], state: str, calls: int) -> None:
    """The client was told nothing, so it asks again with its key; then it says something else."""
    caller = operator(hub, told["company_id"])
    outbox = Outbox(hub)
    outbox.start()
    mortal = await send_message(hub, caller, draft_for(told["contact_id"], "mortal"))
    following = await send_message(hub, caller, draft_for(told["contact_id"], "next"))

    async def at_rest() -> bool:
        await outbox.poll()
        await outbox.reap()
        return await hub.store.lanes.collection.count_documents({}) == 0

    await until(at_rest, within=20)
    states = [
        (await read_message(hub, caller, sent.message["id"]))["delivery"]["state"] for sent in (mortal, following)
    ]
    assert states == [state, "sent"]
    assert [text_of(sent.body) for sent in fake.state.sent] == ["mortal"] * calls + ["next"]
    await outbox.close()
