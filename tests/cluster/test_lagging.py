"""A replica set whose majority lags behind: commits wait, nobody hears a lie, and the living are not taken for dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.access import caller_with_key
from app.actions.draft import Draft
from app.actions.send_message import send_message
from app.errors import OutcomeUnknown
from app.main import open_hub
from app.models.caller import Caller
from tests.cluster.replica_set import Member, ReplicaSet, running_replica_set
from tests.desk import Desk, open_desk
from tests.journal.test_journal import inbound, seqs_in_log
from tests.waiting import until

FAIL_POINTS = ("--setParameter", "enableTestCommands=1")
SILENT = 3.0  # seconds


@pytest_asyncio.fixture
async def replica_set(tmp_path: Path) -> AsyncIterator[ReplicaSet]:
    async with running_replica_set(tmp_path / "set", *FAIL_POINTS, brisk=False) as members:
        yield members


@pytest_asyncio.fixture
async def desk(replica_set: ReplicaSet, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(replica_set.uri, tmp_path) as opened:
        yield opened


@asynccontextmanager
async def lagging(member: Member) -> AsyncIterator[None]:
    """Let a secondary take over nothing new for as long as the block: it is there, votes, and falls behind."""
    async with member.direct() as client:
        await client.admin.command("configureFailPoint", "stopReplProducer", mode="alwaysOn")
        try:
            yield
        finally:
            await client.admin.command("configureFailPoint", "stopReplProducer", mode="off")


async def test_a_commit_that_is_interrupted_while_it_waits_for_its_majority_is_unknown_and_stored_once(
    desk: Desk, replica_set: ReplicaSet
) -> None:
    caller = await caller_with_key(desk.hub, desk.key)
    await send_message(desk.hub, caller, inbound(desk, "before"))
    primary = await replica_set.primary()
    draft = inbound(desk, "once", client_message_id="once")
    async with open_hub(desk.hub.settings, desk.uri) as other, AsyncExitStack() as stack:
        writer = await written_down(desk)
        for each in replica_set.members:
            if each is not primary:
                await stack.enter_async_context(lagging(each))
        began = asyncio.get_running_loop().time()
        sending = asyncio.create_task(send_message(desk.hub, caller, draft))
        local = await stack.enter_async_context(primary.direct())
        messages = local[desk.hub.settings.database].messages
        await until(lambda: messages.find_one({"content": "once"}), within=20)
        await local.admin.command("killSessions", [{"id": each} for each in writer["sessions"]])
        with pytest.raises(OutcomeUnknown):
            await sending
        assert asyncio.get_running_loop().time() - began > SILENT, "a beat that waits for a majority would be missed"
        assert await other.store.writers.silent(SILENT) == []
        await stack.aclose()
        sent = await until_sent(desk, caller, draft)
    assert sent["seq"] == 3
    assert await seqs_in_log(desk) == [1, 2, 3]
    assert await desk.hub.store.messages.collection.count_documents({"content": "once"}) == 1


async def written_down(desk: Desk) -> dict[str, Any]:
    """Return what the desk's own process has said of itself as a writer."""
    writer = desk.hub.journal._writer
    assert writer is not None
    found = await desk.hub.store.writers.collection.find_one({"_id": writer.id})
    assert found is not None
    return found


async def until_sent(desk: Desk, caller: Caller, draft: Draft) -> dict[str, Any]:
    """Send again with the same key until the outcome is known."""

    async def sent() -> dict[str, Any] | None:
        try:
            return (await send_message(desk.hub, caller, draft)).message
        except OutcomeUnknown:
            return None

    found: dict[str, Any] = await until(sent, within=30)
    return found
