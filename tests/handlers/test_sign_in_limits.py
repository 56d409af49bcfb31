"""Tries to sign in: guessing is held back, and nobody keeps the owner of an account out."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio

from app.actions.sign_in_limits import SITES, take_a_try
from app.outside import limiter
from app.outside.peer import site_of, wide_site_of
from tests.desk import PASSWORD, Desk, open_desk
from tests.waiting import until

USUAL = "192.0.2.7"


@pytest_asyncio.fixture
async def desk(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server behind a proxy, with limits and with hashes that take some time."""
    given = {"RATE_LIMITS": "on", "TRUSTED_PROXIES": "127.0.0.1", "BCRYPT_SALT_ROUNDS": "8"}
    async with open_desk(mongo_uri, tmp_path, **given) as opened:
        yield opened


async def signs_in(desk: Desk, address: str, password: str = PASSWORD, email: str = "") -> int:
    headers = {"X-Forwarded-For": address}
    body = {"email": email or desk.email, "password": password}
    status, _ = await desk.ask("POST", "/auth/login", body, key="", headers=headers)
    return status


async def test_thirty_addresses_that_flood_an_account_do_not_keep_its_owner_out(desk: Desk) -> None:
    assert await signs_in(desk, USUAL) == 200
    said: Counter[int] = Counter()

    async def flood(address: str) -> None:
        while True:
            said[await signs_in(desk, address, "wrong")] += 1

    strangers = [asyncio.create_task(flood(f"198.51.100.{n}")) for n in range(30)]
    try:
        await until(lambda: said[429] > 30, within=60)
        for n in range(6):
            assert await signs_in(desk, USUAL) == 200
            assert await signs_in(desk, f"203.0.113.{n}") == 200, "nor from a new place"
        assert said.keys() == {401, 429}
    finally:
        for each in strangers:
            each.cancel()
        await asyncio.wait(strangers)


async def test_a_place_that_guesses_slowly_stands_behind_one_that_never_did(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(limiter, "time", SimpleNamespace(monotonic=lambda: now))
    ranks: list[float] = []
    for n in range(3):
        ranks = [take_a_try(desk.hub, desk.email, each) for each in ("198.51.100.1", f"2001:db8:7:{n}::1")]
        now += 12
    fresh = take_a_try(desk.hub, desk.email, "203.0.113.1")
    assert min(ranks) > 1.5 > fresh


async def test_one_place_that_tries_many_accounts_is_refused_and_delays_nobody(desk: Desk) -> None:
    tries = [asyncio.create_task(signs_in(desk, "198.51.100.1", "x", f"n{n}@acme.test")) for n in range(150)]
    await until(lambda: any("198.51.100.1" in name for name in desk.hub.limiter.names))
    assert await signs_in(desk, "203.0.113.1") == 200
    assert not all(each.done() for each in tries)
    said = Counter(await asyncio.gather(*tries))
    assert said.keys() == {401, 429}
    assert said[429] >= 50


async def test_guessing_from_everywhere_is_held_back_and_the_owner_is_at_home_where_they_were(desk: Desk) -> None:
    assert await signs_in(desk, USUAL) == 200
    many = 10 * desk.hub.settings.sign_ins_per_minute
    tries = [asyncio.create_task(signs_in(desk, f"198.51.{n}.1", "wrong")) for n in range(many + 60)]
    await until(lambda: sum(each.done() for each in tries) >= 20, within=60)
    assert [await signs_in(desk, USUAL) for _ in range(4)] == [200] * 4
    assert not all(each.done() for each in tries)
    done, _ = await asyncio.wait(tries, timeout=60)
    assert len(done) == len(tries)
    said = Counter(each.result() for each in tries)
    assert said[429] >= 20, said
    assert await signs_in(desk, "203.0.113.9") == 200


async def test_a_network_of_48_bits_is_not_65536_places(desk: Desk) -> None:
    few = desk.hub.settings.sign_ins_per_minute
    said: list[int] = []
    while 429 not in said and len(said) < 20 * few:
        sites = [f"2001:db8:7:{len(said) + n:x}::1" for n in range(few)]
        said += await asyncio.gather(*(signs_in(desk, site, "wrong") for site in sites))
    assert said.count(401) >= 4 * few
    assert 429 in said
    assert await signs_in(desk, "2001:db8:8::1", "wrong") == 401


async def test_neighbours_in_a_network_of_48_bits_do_not_keep_its_owner_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, home = time.monotonic(), "2001:db8:7:ffff::1"
    monkeypatch.setattr(limiter, "time", SimpleNamespace(monotonic=lambda: now))
    assert await signs_in(desk, home) == 200
    most = 4 * desk.hub.settings.sign_ins_per_minute
    said = await asyncio.gather(*(signs_in(desk, f"2001:db8:7:{n:x}::1", "wrong") for n in range(most + 20)))
    assert 429 in said
    assert await signs_in(desk, "2001:db8:7:fffe::1") == 429, "nobody signed in from there before"
    assert [await signs_in(desk, home) for _ in range(3)] == [200] * 3


def test_networks_of_an_address() -> None:
    assert (site_of("2001:db8:7:1::5"), wide_site_of("2001:db8:7:1::5")) == ("2001:db8:7:1::/64", "2001:db8:7::/48")
    for address in ("192.0.2.1", "::ffff:192.0.2.1"):
        assert (site_of(address), wide_site_of(address)) == ("192.0.2.1", None)
    assert wide_site_of("unknown") is None


async def test_places_are_remembered_without_their_address_and_only_so_many(desk: Desk) -> None:
    for n in range(SITES + 3):
        assert await signs_in(desk, f"198.51.100.{n}") == 200
    assert await signs_in(desk, "198.51.100.5") == 200
    user = await desk.hub.store.users.with_email(desk.email)
    assert user is not None
    assert len(user.sites) == len(set(user.sites)) == SITES
    assert "198.51" not in str(user)
    assert "sites" not in user.view()
    assert all(mark.startswith(f"{desk.hub.derived.names[0]}.") for mark in user.sites)


async def test_a_wrong_password_makes_no_place_known(desk: Desk) -> None:
    assert await signs_in(desk, USUAL, "wrong") == 401
    user = await desk.hub.store.users.with_email(desk.email)
    assert user is not None
    assert user.sites == ()
