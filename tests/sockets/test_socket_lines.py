"""Each line that a socket's events lead to names the socket, and whose it is."""

from collections.abc import Iterator

import pytest
from bson import ObjectId

from app.access import caller_with_key
from tests.desk import Desk
from tests.loglines import Line, log_lines
from tests.sockets.wire import admitted

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    with log_lines() as gathered:
        yield gathered


async def test_the_lines_of_an_event_name_its_socket_and_who_speaks(desk: Desk, lines: list[Line]) -> None:
    id = (await desk.receive())["conversation_id"]
    key_id = (await caller_with_key(desk.hub, desk.key)).id
    async with admitted(desk) as wire, admitted(desk, api_key=desk.key) as bot:
        rows = desk.hub.store.conversations.collection
        await rows.update_one({"_id": ObjectId(id)}, {"$set": {"status": "unreadable"}})
        for each in (wire, bot):
            ack = await each.call("conversation:join", {"conversation_id": id})
            assert ack["error"]["code"] == "internal"
        sids = [each.hello["sid"] for each in (wire, bot)]
    errors = [line for line in lines if line["event"] == "unexpected error" and line.get("socket") in sids]
    assert [(line["socket"], line["principal"]) for line in errors] == [
        (sids[0], f"user:{desk.user_id}"),
        (sids[1], f"key:{key_id}"),
    ]
    assert {line["company_id"] for line in errors} == {desk.company.id}
