"""Refresh tokens: worth one use, repeated for a moment, and the end of the sign-in when they come back later."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from app.access import SHOWN, hash_of
from app.actions.refresh_sign_in import GRACE, refresh
from app.actions.sign_out import sign_out
from app.errors import Unauthenticated
from app.models.entity import SessionId
from app.outside.derived import Derived
from app.outside.refresh_tokens import RefreshTokens
from app.stores.codec import Document
from app.stores.database import connect, stores_in
from tests.desk import PASSWORD, Desk, open_desk
from tests.handlers.asking import Refused, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_SIGNED_IN = Refused(401, "unauthenticated")
Signed = dict[str, Any]


async def signed_in(desk: Desk) -> Signed:
    """Sign the owner in over REST."""
    data: Signed = (await desk.post("/auth/login", {"email": desk.email, "password": PASSWORD}, key=""))["data"]
    return data


async def refreshed(desk: Desk, signed: Signed) -> Signed:
    """Spend a refresh token, and return what it bought."""
    data: Signed = (await desk.post("/auth/refresh", {"refresh_token": signed["refresh_token"]}, key=""))["data"]
    return data


async def refused(desk: Desk, token: str) -> Refused:
    return await refusal(desk, "POST", "/auth/refresh", {"refresh_token": token}, key="")


async def may(desk: Desk, signed: Signed) -> bool:
    headers = {"Authorization": f"Bearer {signed['access_token']}"}
    status, _ = await desk.ask("GET", "/auth/me", key="", headers=headers)
    assert status in {200, 401}
    return status == 200


def session_of(signed: Signed) -> ObjectId:
    return ObjectId(signed["refresh_token"].partition(".")[0])


async def row_of(desk: Desk, signed: Signed) -> Document:
    row = await desk.hub.store.sessions.collection.find_one({"_id": session_of(signed)})
    assert row is not None
    return dict(row)


async def later(desk: Desk, signed: Signed, span: timedelta) -> None:
    """Let time pass for one sign-in: move everything that it remembers into the past."""
    row = await row_of(desk, signed)
    spent = [{**each, "at": each["at"] - span} for each in row.get("just_spent", [])]
    moved = {name: row[name] - span for name in ("created_at", "expires_at")}
    await desk.hub.store.sessions.collection.update_one({"_id": row["_id"]}, {"$set": {**moved, "just_spent": spent}})


async def test_a_refresh_token_buys_the_next_tokens(desk: Desk) -> None:
    first = await signed_in(desk)
    second = await refreshed(desk, first)
    assert second.keys() == {"access_token", "refresh_token", "expires_in", "token_type", "user"}
    assert second["refresh_token"] != first["refresh_token"]
    assert await may(desk, second)
    assert (await refreshed(desk, second))["refresh_token"] != second["refresh_token"]


async def test_tabs_that_spend_one_token_at_once_all_go_on_with_the_same_next_one(desk: Desk) -> None:
    first = await signed_in(desk)
    tabs = await asyncio.gather(*(refreshed(desk, first) for _ in range(6)))
    assert len({each["refresh_token"] for each in tabs}) == 1
    assert [await may(desk, each) for each in tabs] == [True] * 6
    again = await asyncio.gather(*(refreshed(desk, each) for each in tabs))
    assert len({each["refresh_token"] for each in again} - {tabs[0]["refresh_token"]}) == 1


async def test_a_client_that_lost_its_answer_gets_the_current_token_even_if_that_was_spent_meanwhile(
    desk: Desk,
) -> None:
    first = await signed_in(desk)
    second = await refreshed(desk, first)
    third = await refreshed(desk, second)
    assert (await refreshed(desk, first))["refresh_token"] == third["refresh_token"]
    assert (await refreshed(desk, second))["refresh_token"] == third["refresh_token"]


async def test_a_spent_refresh_token_that_comes_back_later_ends_the_sign_in(desk: Desk) -> None:
    first = await signed_in(desk)
    second = await refreshed(desk, first)
    await later(desk, first, GRACE + timedelta(seconds=1))
    assert await may(desk, second)
    assert await refused(desk, first["refresh_token"]) == NOT_SIGNED_IN
    assert await refused(desk, second["refresh_token"]) == NOT_SIGNED_IN
    assert not await may(desk, second)


async def test_a_thief_who_keeps_refreshing_does_not_keep_the_grace_open(desk: Desk) -> None:
    stolen = thief = await signed_in(desk)
    for _ in range(4):
        thief = await refreshed(desk, thief)
        await later(desk, thief, timedelta(seconds=4))
    assert await refused(desk, stolen["refresh_token"]) == NOT_SIGNED_IN
    assert not await may(desk, thief)
    assert await refused(desk, thief["refresh_token"]) == NOT_SIGNED_IN


async def test_a_token_spent_generations_ago_ends_the_sign_in_too(desk: Desk) -> None:
    first = last = await signed_in(desk)
    for _ in range(3):
        last = await refreshed(desk, last)
        await later(desk, last, GRACE)
    assert len((await row_of(desk, last))["just_spent"]) == 1, "only what was spent within the grace is remembered"
    assert await refused(desk, first["refresh_token"]) == NOT_SIGNED_IN
    assert not await may(desk, last)


async def test_nothing_that_is_stored_is_worth_anything(desk: Desk) -> None:
    signed = await refreshed(desk, await signed_in(desk))
    row = str(await row_of(desk, signed))
    for secret in signed["refresh_token"].split(".")[2], signed["access_token"]:
        assert secret not in row


async def test_a_made_up_token_is_refused_without_the_database(desk: Desk) -> None:
    session, n, proof = (await signed_in(desk))["refresh_token"].split(".")
    forged = RefreshTokens(Derived(["another key"])).make(SessionId(session), 0, "")
    async with connect(desk.hub.settings, "mongodb://127.0.0.1:9") as nowhere:
        hub = replace(desk.hub, store=stores_in(nowhere, "none"))
        for token in (
            "made-up",
            forged,
            f"{session}.{int(n) + 1}.{proof}",
            f"{session}.0{n}.{proof}",
            f"{ObjectId()}.{n}.{proof}",
            f"{session}.{n}.{proof}x",
            f"{session}.{n}.{proof}\n",
            f"{session.upper()}.{n}.{proof}",
            f"{session}.{'9' * 10}.{proof}",
            "é" * 43,
            "..",
        ):
            with pytest.raises(Unauthenticated):
                await refresh(hub, token)
            await sign_out(hub, session_id=None, token=token)
            assert await refused(desk, token) == NOT_SIGNED_IN


async def test_a_refresh_token_ends_with_its_time_though_its_row_is_still_there(desk: Desk) -> None:
    signed = await signed_in(desk)
    collection = desk.hub.store.sessions.collection
    past = desk.hub.now() - timedelta(seconds=1)
    await collection.update_one({"_id": session_of(signed)}, {"$set": {"expires_at": past}})
    assert await refused(desk, signed["refresh_token"]) == NOT_SIGNED_IN
    second = await refreshed(desk, other := await signed_in(desk))
    await collection.update_one({"_id": session_of(second)}, {"$set": {"expires_at": past}})
    for token in (other["refresh_token"], second["refresh_token"]):
        assert await refused(desk, token) == NOT_SIGNED_IN


async def test_a_sign_in_that_is_used_lasts_on_but_not_for_ever(desk: Desk) -> None:
    ttl, most = desk.hub.settings.refresh_token_ttl, desk.hub.settings.sign_in_lifetime
    assert (ttl, most) == (timedelta(days=7), timedelta(days=30))
    signed = await signed_in(desk)
    begun: datetime = (await row_of(desk, signed))["created_at"]
    assert (await row_of(desk, signed))["expires_at"] == begun + ttl
    for _ in range(4):
        await later(desk, signed, timedelta(days=6))
        signed = await refreshed(desk, signed)
    row = await row_of(desk, signed)
    assert row["expires_at"] == row["created_at"] + most
    await later(desk, signed, timedelta(days=6) - timedelta(minutes=1))
    signed = await refreshed(desk, signed)
    assert signed["expires_in"] <= 60, "no access token outlives its sign-in"
    await later(desk, signed, timedelta(minutes=1))
    assert await refused(desk, signed["refresh_token"]) == NOT_SIGNED_IN


async def test_refreshes_of_one_sign_in_are_limited(mongo_uri: str, tmp_path: Path) -> None:
    async with open_desk(mongo_uri, tmp_path, RATE_LIMITS="on") as desk:
        signed, other = await signed_in(desk), await signed_in(desk)
        ends: list[int] = []
        while 429 not in ends and len(ends) < 10 * SHOWN.burst:
            status, answer = await desk.ask("POST", "/auth/refresh", {"refresh_token": signed["refresh_token"]}, key="")
            ends.append(status)
            signed = answer["data"] if status == 200 else signed
            if status == 429:
                assert answer["error"]["retry_after"] >= 1
        assert set(ends) == {200, 429}
        assert ends.index(429) >= SHOWN.burst
        assert await refreshed(desk, other), "each sign-in has a limit of its own"


async def random_token_of(desk: Desk, token: str) -> Signed:
    """Make a sign-in as it was stored before tokens were numbered."""
    signed = await signed_in(desk)
    before = {"token_hash": hash_of(token), "spent": [hash_of("x" * 43), hash_of("y" * 43)], "spent_at": desk.hub.now()}
    await desk.hub.store.sessions.collection.update_one(
        {"_id": session_of(signed)}, {"$set": before, "$unset": {"n": "", "key": ""}}
    )
    return signed


async def test_a_random_token_issued_before_is_good_until_it_is_spent_and_then_a_numbered_one(desk: Desk) -> None:
    token = str(ObjectId()) + "-_" + "r" * 17
    signed = await random_token_of(desk, token)
    tabs = await asyncio.gather(*(refreshed(desk, {"refresh_token": token}) for _ in range(3)))
    assert len({each["refresh_token"] for each in tabs}) == 1
    assert not {"spent", "spent_at"} & (await row_of(desk, signed)).keys()
    third = await refreshed(desk, tabs[0])
    await later(desk, signed, GRACE + timedelta(seconds=1))
    assert await refused(desk, token) == NOT_SIGNED_IN
    assert not await may(desk, third), "and one that comes back later ends the sign-in"


async def test_a_random_token_signs_out(desk: Desk) -> None:
    token = str(ObjectId()) + "-_" + "s" * 17
    signed = await random_token_of(desk, token)
    for _ in range(2):
        await desk.post("/auth/logout", {"refresh_token": token}, key="")
    assert not await may(desk, signed)


async def test_tokens_of_an_older_key_are_good_as_long_as_it_is_listed(desk: Desk) -> None:
    old, new = "old" * 10, "new" * 10
    before, between = RefreshTokens(Derived([old])), RefreshTokens(Derived([new, old]))
    after = RefreshTokens(Derived([new]))
    id = SessionId(desk.hub.new_id())
    first = before.make(id, 1, before.key)
    assert between.read(first) == before.read(first) == (id, 1)
    assert after.read(first) is None
    assert between.make(id, 1, before.key) == first, "the same token, by the key that made it"
    assert between.key == after.key != before.key
    assert after.read(between.make(id, 2, between.key)) == (id, 2)


async def test_the_key_of_a_sign_in_stands_beside_it(desk: Desk) -> None:
    signed = await signed_in(desk)
    assert (await row_of(desk, signed))["key"] == desk.hub.refresh_tokens.key
    await desk.hub.store.sessions.collection.update_one({"_id": session_of(signed)}, {"$set": {"key": "older"}})
    assert (await row_of(desk, await refreshed(desk, signed)))["key"] == desk.hub.refresh_tokens.key
