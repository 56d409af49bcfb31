"""An account that is disconnected and connected again is the channel that it was, at whichever server that happens."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest_asyncio

from app.models.contact import Platform
from tests.delivery.shop import Shop, open_shop
from tests.fake_platforms.state import whatsapp_token
from tests.sockets.again import elsewhere

WA, PEER = Platform.WHATSAPP, "491701234"


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company with a number, at the server that platforms call."""
    async with open_shop(mongo_uri, tmp_path, WA, PLATFORM_TIMEOUT="10s") as opened:
        yield opened


async def connected_again(shop: Shop, account: str, token: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Connect the number with a token that the platform has just given out."""
    shop.fake.state.tokens[token] = whatsapp_token(account)
    body = {"platform": WA, "external_id": account, "credentials": {"access_token": token}, **more}
    return await shop.desk.ask("POST", "/channels", body)


async def test_its_customers_and_conversations_go_on(shop: Shop) -> None:
    id, account = shop.channels[WA], shop.account(WA)
    assert await shop.emit("message", WA, peer=PEER, text="Hi", name="Ann") == [200]
    (contact,) = await shop.contacts(WA)
    (first,) = await shop.messages(contact["id"])
    reply = {"conversation_id": first["conversation_id"], "role": "operator", "content": "Hello again"}
    assert (await shop.desk.ask("DELETE", f"/channels/{id}"))[0] == 200
    assert (await shop.desk.ask("POST", "/messages", reply))[1]["error"]["code"] == "not_sendable"
    async with elsewhere(shop.desk) as desk:
        status, answer = await connected_again(replace(shop, desk=desk), account, "whatsapp-better")
    channel = answer["data"]
    assert (status, channel["id"], channel["external_id"], channel["main"]) == (201, id, account, True)
    assert (channel["health"], channel["disconnected_at"], channel["name"]) == ("healthy", None, "whatsapp")
    assert await shop.emit("message", WA, peer=PEER, text="Still there?", name="Ann") == [200]
    assert [each["id"] for each in await shop.contacts(WA)] == [contact["id"]]
    said = await shop.messages(contact["id"])
    assert [(each["content"], each["conversation_id"]) for each in said] == [
        ("Hi", first["conversation_id"]),
        ("Still there?", first["conversation_id"]),
    ]
    sent = (await shop.desk.post("/messages", reply))["data"]
    assert (await shop.outcome(sent))["state"] == "sent"
    assert shop.fake.state.sent[-1].headers["authorization"] == "Bearer whatsapp-better"


async def test_each_time_anew_and_under_a_name_that_is_given(shop: Shop) -> None:
    id, account = shop.channels[WA], shop.account(WA)
    for name in ("Second life", "Third life"):
        await shop.desk.ask("DELETE", f"/channels/{id}")
        _, answer = await connected_again(shop, account, "whatsapp-better", name=name)
        assert (answer["data"]["id"], answer["data"]["name"]) == (id, name)
    status, answer = await connected_again(shop, account, "whatsapp-better")
    assert (status, answer["error"]["code"]) == (409, "already_connected")


async def test_another_company_that_has_it_by_now_keeps_it_and_gets_none_of_the_history(shop: Shop) -> None:
    id, account = shop.channels[WA], shop.account(WA)
    await shop.emit("message", WA, peer=PEER, text="Hi", name="Ann")
    rival = replace(shop, desk=await shop.desk.neighbour())
    status, answer = await connected_again(rival, account, "whatsapp-theirs")
    assert (status, answer["error"]["code"]) == (409, "not_connectable")
    await shop.desk.ask("DELETE", f"/channels/{id}")
    status, answer = await connected_again(rival, account, "whatsapp-theirs")
    assert status == 201
    assert answer["data"]["id"] != id
    assert await rival.contacts(WA) == []
    status, answer = await connected_again(shop, account, "whatsapp-better")
    assert (status, answer["error"]["code"]) == (409, "not_connectable")
    await rival.desk.ask("DELETE", f"/channels/{(await rival.desk.ask('GET', '/channels'))[1]['data'][0]['id']}")
    status, answer = await connected_again(shop, account, "whatsapp-better")
    assert (status, answer["data"]["id"]) == (201, id)
