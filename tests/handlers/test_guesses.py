"""Keys, tokens and channels that strangers make up: few of them reach the database, and others go on meanwhile."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from bson import ObjectId

from app.access import caller_with_key, hash_of
from app.actions.revoke_key import revoke_key
from app.errors import TooManyGuesses, Unauthenticated
from app.models.contact import Platform
from app.models.entity import KeyId
from app.outside import guesses
from app.outside.guesses import GUESSES, GUESSES_FROM_MANY
from tests.delivery.shop import SECRETS, connect
from tests.desk import PASSWORD, Desk, open_desk
from tests.sockets.wire import wired
from tests.waiting import until

BURST = int(GUESSES.burst)


@pytest_asyncio.fixture
async def desk(mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A server of its own, since its limits concern everyone who comes from this address.

    A bucket is as large as ever and fills in a day: on a busy machine guesses may take longer than it takes to fill.
    """
    for name, rate in (("GUESSES", GUESSES), ("GUESSES_FROM_MANY", GUESSES_FROM_MANY)):
        monkeypatch.setattr(guesses, name, replace(rate, seconds=86_400.0))
    async with open_desk(mongo_uri, tmp_path, RATE_LIMITS="on") as opened:
        yield opened


def made_up_key() -> str:
    """Return what looks like a key."""
    return f"sk_{secrets.token_hex(5)[:9]}_{secrets.token_urlsafe(32)}"


async def exhaust(desk: Desk) -> list[int]:
    """Guess until guesses from here are refused, and three times more; return the statuses."""
    asked = (desk.ask("GET", "/conversations", key=made_up_key()) for _ in range(BURST + 3))
    return [status for status, _ in await asyncio.gather(*asked)]


class Looked:
    """The look-ups in one collection that MongoDB's profiler saw."""

    def __init__(self, desk: Desk, collection: str) -> None:
        self.database = desk.hub.store.database
        self.where = {"ns": f"{self.database.name}.{collection}", "op": "query"}

    async def __aenter__(self) -> "Looked":
        await self.database.command("profile", 2)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.database.command("profile", 0)

    async def count(self) -> int:
        """Return how many there were."""
        return await self.database.get_collection("system.profile").count_documents(self.where)


async def test_made_up_keys_are_refused_before_the_database_is_asked(desk: Desk) -> None:
    async with Looked(desk, "api_keys") as looked:
        statuses = await exhaust(desk)
        before = await looked.count()
        status, answer = await desk.ask("GET", "/conversations", key=made_up_key())
        assert await looked.count() == before <= BURST
    assert statuses.count(401) == BURST
    assert statuses.count(429) == 3
    assert status == 429
    assert answer["error"]["code"] == "too_many_guesses"
    assert answer["error"]["retryable"]


async def test_it_says_when_to_come_again(desk: Desk) -> None:
    await exhaust(desk)
    headers = {"X-API-Key": made_up_key()}
    async with desk.http.get(f"{desk.base}/api/v1/conversations", headers=headers) as response:
        assert response.status == 429
        assert 0 < int(response.headers["Retry-After"]) <= 86_400 / GUESSES.count


async def test_good_keys_from_the_same_address_go_on(desk: Desk) -> None:
    keys = [await desk.new_key("conversations:read") for _ in range(20)]
    for key in keys:
        assert (await desk.ask("GET", "/conversations", key=key))[0] == 200
    await exhaust(desk)
    desk.hub.known.keys.forget_if(lambda _: True)  # as after some seconds: the database is asked about them again
    for key in keys:
        assert (await desk.ask("GET", "/conversations", key=key))[0] == 200


async def test_a_good_key_that_was_never_seen_waits_with_the_guesses(desk: Desk) -> None:
    key = await desk.new_key("conversations:read")
    await exhaust(desk)
    assert (await desk.ask("GET", "/conversations", key=key))[0] == 429


async def test_any_number_of_good_keys_come_from_one_address(desk: Desk) -> None:
    for _ in range(BURST + 3):
        key = await desk.new_key("conversations:read")
        assert (await desk.ask("GET", "/conversations", key=key))[0] == 200


async def test_a_key_that_was_good_and_was_revoked_is_a_guess(desk: Desk) -> None:
    key = await desk.new_key("conversations:read")
    assert (await desk.ask("GET", "/conversations", key=key))[0] == 200
    caller = await caller_with_key(desk.hub, key)
    await revoke_key(desk.hub, desk.company.id, KeyId(caller.id))
    assert (await desk.ask("GET", "/conversations", key=key))[0] == 401
    await exhaust(desk)
    assert (await desk.ask("GET", "/conversations", key=key))[0] == 429


async def test_a_guess_while_the_database_is_away_is_given_back(desk: Desk) -> None:
    for _ in range(BURST + 3):
        with pytest.raises(ConnectionError), desk.hub.guesses.guess(hash_of(made_up_key()), "198.51.100.7"):
            raise ConnectionError
    assert desk.hub.limiter.names


async def test_made_up_refresh_tokens_are_refused_and_real_ones_go_on(desk: Desk) -> None:
    status, signed_in = await desk.ask("POST", "/auth/login", {"email": desk.email, "password": PASSWORD}, key="")
    assert status == 200
    statuses = []
    async with Looked(desk, "sessions") as looked:
        for _ in range(BURST + 3):
            status, _ = await desk.ask("POST", "/auth/refresh", {"refresh_token": secrets.token_urlsafe(32)}, key="")
            statuses.append(status)
        assert await looked.count() <= BURST
    assert statuses == [401] * BURST + [429] * 3
    token = signed_in["data"]["refresh_token"]
    assert (await desk.ask("POST", "/auth/refresh", {"refresh_token": token}, key=""))[0] == 200


async def test_a_token_of_a_sign_in_that_ended_cannot_end_it_again_without_end(desk: Desk) -> None:
    login = {"email": desk.email, "password": PASSWORD}
    _, answer = await desk.ask("POST", "/auth/login", login, key="")
    mine = {"refresh_token": answer["data"]["refresh_token"]}
    said = await asyncio.gather(*(desk.ask("POST", "/auth/logout", mine, key="") for _ in range(60)))
    assert {status for status, _ in said} == {200, 429}


async def test_an_ipv6_network_of_48_bits_is_not_65536_places(desk: Desk) -> None:
    def is_asked_about(secret: str, address: str) -> bool:
        try:
            with suppress(Unauthenticated), desk.hub.guesses.guess(hash_of(secret), address):
                raise Unauthenticated
        except TooManyGuesses:
            return False
        return True

    asked = sum(is_asked_about(str(n), f"2001:db8:7:{n:x}::1") for n in range(1000))
    assert GUESSES_FROM_MANY.burst <= asked < 1000
    assert is_asked_about("another", "2001:db8:8::1")


async def test_a_sign_out_with_a_made_up_token_is_a_guess_too(desk: Desk) -> None:
    for _ in range(BURST):
        body = {"refresh_token": secrets.token_urlsafe(32)}
        assert (await desk.ask("POST", "/auth/logout", body, key=""))[0] == 200
    assert (await desk.ask("POST", "/auth/logout", {"refresh_token": secrets.token_urlsafe(32)}, key=""))[0] == 429


async def test_a_socket_with_one_guess_too_many_is_closed_and_not_refused_for_good(desk: Desk) -> None:
    await exhaust(desk)
    async with wired(desk) as wire:
        await wire.say(f'40/company,{{"api_key":"{made_up_key()}"}}')
        code, _ = await wire.closed()
        assert code == 4431


async def test_ten_thousand_made_up_keys_leave_the_memory_of_real_ones_alone(desk: Desk) -> None:
    await desk.ask("GET", "/conversations")
    kept = desk.hub.known.keys._kept
    before = dict(kept)
    await exhaust(desk)
    assert dict(kept) == before


async def test_a_quiet_channels_first_webhook_is_taken_while_made_up_ones_pour_in(desk: Desk) -> None:
    channel_id = await connect(desk.hub, desk.company.id, Platform.TELEGRAM, SECRETS[Platform.TELEGRAM])
    update = {"update_id": 7, "message": {"message_id": 1, "date": 1_700_000_000, "text": "Hello?"}}
    person = {"id": 4711, "first_name": "Ann", "type": "private"}
    update["message"] |= {"chat": person, "from": person}  # type: ignore[operator]
    statuses: list[int] = []

    async def webhook(id: str, secret: str, body: Any) -> int:
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        url = f"{desk.base}/api/v1/webhooks/telegram/{id}"
        async with desk.http.post(url, json=body, headers=headers) as response:
            return response.status

    async def made_up() -> None:
        statuses.append(await webhook(str(ObjectId()), "made-up", {"update_id": 1}))

    async with Looked(desk, "channels") as looked:
        flood = [asyncio.create_task(made_up()) for _ in range(500)]
        await until(lambda: len(statuses) > 50, within=30)
        assert not all(each.done() for each in flood)
        taken = await webhook(channel_id, SECRETS[Platform.TELEGRAM]["secret_token"], update)
        await asyncio.gather(*flood)
        assert await looked.count() <= 250
    assert taken == 200
    assert set(statuses) == {404}
