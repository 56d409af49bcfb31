"""One company cannot spend what all share: calls of platforms, channels, and the time of the server."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from bson import ObjectId

from app.actions.platform_limits import CALLS, MOST_CHANNELS, TESTS
from app.handlers.endpoint import COMPANY_SHARE
from app.models.people import Scope
from tests.desk import Desk, open_desk
from tests.handlers.accounts import Place, body, connected, open_place
from tests.handlers.asking import Refused, changed, got, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITED = Refused(429, "rate_limited")
RATE = 5  # requests a second of one key


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_place(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A server with limits, whose platforms are the fake ones."""
    folder = tmp_path_factory.mktemp("limits")
    async with open_place(mongo_uri, folder, RATE_LIMITS="on", REQUESTS_PER_SECOND="1000") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def place(whole_place: Place) -> AsyncIterator[Place]:
    """A fresh company there; afterwards its accounts are free again."""
    whole_place.forget()
    desk = await whole_place.desk.neighbour("Acme")
    yield Place(desk, whole_place.fake)
    for channel in await got(desk, "/channels"):
        if channel["platform"] != "web":
            await changed(desk, f"/channels/{channel['id']}", None, method="DELETE")


async def taken(desk: Desk, most: int, path: str, asked: Any = None, method: str = "POST", **more: Any) -> int:
    """Ask until it is refused as too much, and return how often it was not."""
    for count in range(most):
        status, answer = await desk.ask(method, path, asked, **more)
        if status == 429:
            assert answer["error"]["retry_after"] >= 1
            return count
    return most


async def test_a_channel_is_tested_a_few_times_and_then_once_in_ten_seconds(place: Place) -> None:
    channel = await connected(place.desk, "facebook")
    assert await taken(place.desk, 20, f"/channels/{channel['id']}/test") == TESTS.burst
    other = await connected(place.desk, "instagram")
    assert (await place.desk.ask("POST", f"/channels/{other['id']}/test"))[0] == 200


async def test_a_channel_that_is_cut_off_is_not_resumed_over_and_over(place: Place) -> None:
    channel = await connected(place.desk, "facebook")
    place.revoke("page-tok-1")
    await place.desk.ask("POST", f"/channels/{channel['id']}/test")
    assert await taken(place.desk, 20, f"/channels/{channel['id']}/resume") == TESTS.burst - 1


async def test_a_companys_calls_of_platforms_are_counted_together(place: Place) -> None:
    desk = place.desk
    channel = await connected(desk, "facebook")
    unknown = body("facebook", external_id="1009", credentials={"access_token": "garbage"})
    done = 1 + await taken(desk, 15, "/channels", unknown)
    edit = {"credentials": {"access_token": "garbage"}}
    done += await taken(desk, 15, f"/channels/{channel['id']}", edit, method="PATCH")
    done += await taken(desk, 100, "/channels/facebook/oauth", {"redirect_uri": "https://desk.example/back"})
    assert CALLS.burst <= done <= CALLS.burst + 5  # some come back while we ask
    for path, asked in (("/channels", unknown), ("/channels/facebook/oauth/finish", {"state": "s", "code": "c"})):
        assert await refusal(desk, "POST", path, asked) == LIMITED
    assert await refusal(desk, "POST", f"/channels/{channel['id']}/test") == LIMITED
    assert await changed(desk, f"/channels/{channel['id']}", {"name": "Renamed"})
    neighbour = await desk.neighbour("Other")
    assert (await connected(neighbour, "sandbox"))["health"] == "healthy"


async def test_a_company_has_no_more_channels_than_one_may_have(place: Place) -> None:
    desk, rows = place.desk, place.desk.hub.store.channels.collection
    first = await connected(desk, "sandbox")
    (row,) = await rows.find({"_id": ObjectId(first["id"])}).to_list()
    row.pop("main_of")
    others = [{**row, "_id": ObjectId(), "main": False} for _ in range(MOST_CHANNELS - 3)]  # and the web channel
    await rows.insert_many(others)
    assert await connected(desk, "facebook")
    assert await refusal(desk, "POST", "/channels", {"platform": "sandbox"}) == Refused(409, "too_many_channels")
    await rows.delete_many({"_id": {"$in": [each["_id"] for each in others]}})
    assert await connected(desk, "sandbox")


async def test_a_companys_keys_have_a_limit_together(mongo_uri: str, tmp_path: Path) -> None:
    given = {"RATE_LIMITS": "on", "REQUESTS_PER_SECOND": str(RATE)}
    async with open_desk(mongo_uri, tmp_path, **given) as desk:
        keys = [await desk.new_key(Scope.CONTACTS_READ) for _ in range(3 * COMPANY_SHARE)]
        began = time.monotonic()
        asked = (taken(desk, 2 * RATE, "/contacts", method="GET", key=key) for key in keys)
        counts = await asyncio.gather(*asked)  # each may ask so often by itself
        most = (2 + time.monotonic() - began) * RATE * COMPANY_SHARE
        assert 2 * RATE * COMPANY_SHARE <= sum(counts) <= most + 1
        neighbour = await desk.neighbour("Other")
        assert await taken(neighbour, RATE, "/contacts", method="GET") == RATE
