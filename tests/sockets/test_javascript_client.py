"""The official clients do by themselves all that a dashboard needs: JavaScript's and Python's alike."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.actions.new_epoch import new_epoch
from tests.desk import Desk
from tests.sockets.again import elsewhere
from tests.sockets.dashboards import CLIENTS, Dashboard, cut, javascript
from tests.sockets.wire import token_of
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(params=CLIENTS, loop_scope="session")
async def dashboard(request: pytest.FixtureRequest) -> AsyncIterator[Dashboard]:
    """Each of the clients."""
    async with CLIENTS[request.param]() as client:
        yield client


def contents(dashboard: Dashboard) -> list[str]:
    """Return what was said, as far as a client heard it."""
    return [event["message"]["content"] for event in dashboard.of("message:new")]


async def test_it_joins_the_company_and_hears_what_happens(desk: Desk, dashboard: Dashboard) -> None:
    await dashboard.connect(desk.base, "/company", desk.token)
    ready = await dashboard.ready()
    assert (ready["head"], ready["resumed"], dashboard.states) == (1, False, [("connected", "")])
    message = await desk.receive("Ça va? 你好 🙂")
    (event,) = await until(lambda: dashboard.of("message:new"))
    assert (event["message"], event["prev"], event["seq"]) == (message, 1, 2)


async def test_it_sends_reads_joins_types_and_leaves(desk: Desk, dashboard: Dashboard) -> None:
    conversation = {"conversation_id": (await desk.receive())["conversation_id"]}
    other = await desk.listen("/conversation")
    await other.call("conversation:join", conversation)
    await dashboard.connect(desk.base, "/company", desk.token)
    await dashboard.ready()
    sent = await dashboard.call("message:send", {**conversation, "content": "It is.", "client_message_id": "a1"})
    assert sent["data"] == {**conversation, "id": sent["data"]["id"], "seq": 3, "duplicate": False}
    read = await dashboard.call("message:read", conversation)
    assert (read["data"]["unread_count"], read["data"]["read_seq"]) == (0, 3)
    assert (await dashboard.call("conversation:join", conversation))["data"]["resumed"] is True
    assert (await dashboard.call("typing:start", conversation))["ok"] is True
    assert (await until(lambda: other.of("typing:indicator")))[0]["typing"] is True
    await other.call("typing:start", conversation)
    assert await until(lambda: dashboard.of("typing:indicator"))
    assert (await dashboard.call("conversation:leave", conversation))["ok"] is True
    await other.call("typing:stop", conversation)
    assert (await dashboard.call("message:shout", {}))["error"]["code"] == "unknown_event"
    assert [each["typing"] for each in dashboard.of("typing:indicator")] == [True]
    assert [name for name, _ in dashboard.heard if name.startswith("message:")] == ["message:new", "message:read"]


async def test_it_follows_one_thread(desk: Desk, dashboard: Dashboard) -> None:
    conversation = (await desk.receive("one"))["conversation_id"]
    await dashboard.connect(desk.base, "/conversation", desk.token)
    epoch = (await dashboard.ready())["epoch"]
    joined = await dashboard.call("conversation:join", {"conversation_id": conversation, "epoch": epoch, "seq": 1})
    assert joined["data"] == {"epoch": epoch, "head": 2, "resumed": True}
    await desk.receive("two")
    assert [
        event["message"]["content"]
        for event in await until(lambda: dashboard.of("message:new")[1:] and dashboard.of("message:new"))
    ] == ["one", "two"]


async def test_cut_off_it_comes_back_and_misses_nothing(desk: Desk, dashboard: Dashboard) -> None:
    await dashboard.connect(desk.base, "/company", desk.token)
    await dashboard.ready()
    for round in range(1, 4):
        await desk.receive(f"heard live {round}")
        cut(desk)
        await asyncio.gather(*(desk.receive(f"missed {round}") for _ in range(5)))
        assert (await dashboard.ready(round + 1))["resumed"] is True
    await desk.receive("heard live at the end")
    await until(lambda: len(dashboard.of("message:new")) == 19)
    chain = [(event["prev"], event["seq"]) for event in dashboard.of("message:new")]
    assert chain == [(seq - 1, seq) for seq in range(2, 21)]
    assert dashboard.times("refused") == 0


async def test_it_is_told_to_begin_anew_when_the_log_was_restored(desk: Desk, dashboard: Dashboard) -> None:
    await dashboard.connect(desk.base, "/company", desk.token)
    await dashboard.ready()
    await new_epoch(desk.hub, desk.company.id)
    (resync,) = await until(lambda: dashboard.of("sync:resync"))
    assert (await dashboard.ready(2))["resumed"] is False
    cut(desk)
    assert await dashboard.ready(3) == {**await dashboard.ready(2), "resumed": True}
    assert (await dashboard.ready(3))["epoch"] == resync["epoch"]


async def test_a_refusal_is_final(desk: Desk) -> None:
    async with javascript() as dashboard:
        await dashboard.connect(desk.base, "/company", token_of(desk, -1))
        await until(lambda: dashboard.times("refused"))
        assert dashboard.states == [("refused", "token_expired")]


async def test_a_server_that_restarts_is_found_again(desk: Desk, dashboard: Dashboard) -> None:
    async with elsewhere(desk) as before:
        await dashboard.connect(before.base, "/company", desk.token)
        await dashboard.ready()
    missed = await desk.receive("missed")
    async with elsewhere(desk, port=int(before.base.rsplit(":", 1)[1])):
        assert (await dashboard.ready(2))["resumed"] is True
        assert [event["message"] for event in dashboard.of("message:new")] == [missed]
    assert dashboard.times("refused") == 0
