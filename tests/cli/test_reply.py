"""Answering from a terminal: whom the digits mean, and once however often the server is away."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import web
from bson import ObjectId

from tests.cli.conftest import Call
from tests.cli.processes import Done
from tests.desk import Desk

CARRIED = ("X-API-Key", "Idempotency-Key", "Content-Type")


async def replied(call: Call, desk: Desk, *words: str, url: str = "", key: str = "") -> Done:
    """Reply as the desk's bot."""
    return await asyncio.to_thread(call, "reply", *words, "--url", url or desk.base, PARLEY_KEY=key or desk.key)


async def said(desk: Desk) -> list[str]:
    return [each["message"]["content"] for each in (await desk.changes())["events"] if each["type"] == "message:new"]


async def test_the_last_digits_name_a_conversation(call: Call, desk: Desk) -> None:
    id = (await desk.receive("Hello?"))["conversation_id"]
    for named in (id[-6:], id[-4:].upper(), id):
        assert await replied(call, desk, named, "Of course!") == Done(0, "It is sent.\n", "")
    assert await said(desk) == ["Hello?", *["Of course!"] * 3]
    done = (await replied(call, desk, id, "Yes", "--json")).object
    assert (done["conversation_id"], done["state"]) == (id, "sent")


async def test_digits_that_mean_none_or_several_answer_nobody(call: Call, desk: Desk) -> None:
    id = (await desk.receive("One"))["conversation_id"]
    conversations = desk.hub.store.conversations.collection
    twin = await conversations.find_one({"_id": ObjectId(id)})
    assert twin
    await conversations.insert_one({**twin, "_id": ObjectId("f" * 18 + id[-6:]), "open_with": "a twin"})
    done = await replied(call, desk, id[-6:], "Hm")
    assert (done.code, f"Several conversations end with {id[-6:]}" in done.err) == (1, True)
    done = await replied(call, desk, f"0000{id[-4:]}", "Hm")
    assert (done.code, done.err.startswith("None of the latest 200 conversations ends with")) == (1, True)
    assert await said(desk) == ["One"]


@pytest_asyncio.fixture
async def bad_road(desk: Desk) -> AsyncIterator[str]:
    """A way to the desk on which the first answer of each kind is lost, and the second try meets a 503."""
    tries: dict[str, int] = {}

    async def through(request: web.Request) -> web.StreamResponse:
        count = tries[request.method] = tries.get(request.method, 0) + 1
        if count == 2:
            return web.Response(status=503, text="not now")
        headers = {name: request.headers[name] for name in CARRIED if name in request.headers}
        body = await request.read()
        async with desk.http.request(
            request.method, f"{desk.base}{request.path_qs}", data=body, headers=headers
        ) as answer:
            body = await answer.read()
        if count == 1:
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=answer.status, body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", through)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_reply_whose_answer_was_lost_is_sent_again_and_stored_once(
    call: Call, desk: Desk, bad_road: str
) -> None:
    id = (await desk.receive("Hello?"))["conversation_id"]
    done = await replied(call, desk, id[-6:], "Of course!", url=bad_road)
    assert (done.code, done.out) == (0, "It is sent.\n"), done
    assert "trying again" in done.err
    assert await said(desk) == ["Hello?", "Of course!"]


async def test_a_refusal_is_a_sentence(call: Call, desk: Desk) -> None:
    done = await replied(call, desk, "0" * 24, "Hello")
    assert (done.code, done.out, done.err.endswith(".\n")) == (1, "", True)
    done = await replied(call, desk, "0" * 6, "Hello", key=await desk.new_key("feed:read"))
    assert done.err == "This needs the scope conversations:read.\n"
