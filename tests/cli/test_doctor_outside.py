"""The checks of doctor that look outside: Redis, clocks, the channels that are stored, what MONGODB_URI asks for."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from app.actions.channel_warnings import CALLS_ELSEWHERE, NO_ADDRESS, NO_SECRET, NO_VERIFY_TOKEN
from app.commands import check_channels, check_redis
from app.commands.check_channels import of_channels
from app.commands.check_clock import of_clock
from app.commands.check_keys import of_keys
from app.commands.check_mongodb import of_options
from app.commands.check_redis import of_redis
from app.commands.checks import of_settings
from app.commands.finding import Finding, State
from app.models.channel import Channel, Health
from app.models.contact import Platform
from app.models.entity import ChannelId
from app.outside.mongod_process import free_port
from app.outside.vault import Vault
from app.settings import Settings
from tests.cli.conftest import Call
from tests.cluster.redis import Redis, running_redis
from tests.desk import Desk, open_desk

KEYS = ("A" * 43 + "=", "B" * 42 + "A=")
PASSWORD = "correct-horse"
DEAF = "1 channel may not hear its customers"
WHOLE = Settings.model_validate(
    {"facebook_app_secret": "x", "meta_verify_token": "y", "public_url": "https://chat.acme.test"}
)


async def all_of(found: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in found]


def warnings(found: list[Finding]) -> list[str]:
    return [finding.says for finding in found if finding.state is State.WARNING]


async def redis_at(url: str) -> Finding:
    (finding,) = await all_of(of_redis(Settings.model_validate({"redis_url": url})))
    return finding


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with running_redis() as server:
        yield server


@pytest.fixture
async def desk(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(mongo_uri, tmp_path, ENCRYPTION_KEYS=KEYS[0]) as opened:
        yield opened


def test_a_redis_that_nobody_answers_for_is_a_problem(call: Call, mongo_uri: str) -> None:
    url = f"redis://:{PASSWORD}@127.0.0.1:{free_port(None)}/0"
    done = call("doctor", MONGODB_URI=mongo_uri, PORT="0", REDIS_URL=url)
    assert done.code == 1
    assert "No Redis answers at 127.0.0.1" in done.out
    assert "1 problem to fix" in done.out.splitlines()[-1]
    assert PASSWORD not in done.out + done.err


async def test_a_redis_that_carries_a_ring_is_no_problem(redis: Redis) -> None:
    finding = await redis_at(redis.url)
    assert finding.state is not State.PROBLEM
    assert finding.says.startswith(f"127.0.0.1:{redis.port} carries a ring in ")


async def test_a_slow_redis_is_a_warning(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_redis, "PATIENCE", 0.0)
    assert (await redis_at(redis.url)).state is State.WARNING


async def test_a_redis_is_tried_with_its_password(redis: Redis) -> None:
    with_password = redis.url.replace("//", f"//:{PASSWORD}@")
    needless = await redis_at(with_password)
    assert (needless.state, PASSWORD in needless.says) == (State.PROBLEM, False)
    await redis.tell("CONFIG", "SET", "requirepass", PASSWORD)
    assert (await redis_at(with_password)).state is not State.PROBLEM
    without = await redis_at(redis.url)
    assert (without.state, without.do) == (State.PROBLEM, check_redis.RIGHTS)


async def test_a_redis_user_without_its_rights_is_a_problem_that_names_them(redis: Redis) -> None:
    await redis.tell("ACL", "SETUSER", "shop", "on", f">{PASSWORD}", "+@all", "resetchannels", "&other:*")
    finding = await redis_at(redis.url.replace("//", f"//shop:{PASSWORD}@"))
    assert (finding.state, finding.do) == (State.PROBLEM, check_redis.RIGHTS)


async def test_tls_where_redis_speaks_none_is_a_problem(redis: Redis) -> None:
    finding = await redis_at(redis.url.replace("redis://", "rediss://"))
    assert (finding.state, finding.do) == (State.PROBLEM, check_redis.UNREACHED)


async def test_a_redis_that_stands_still_is_a_problem_after_a_while(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_redis, "WITHIN", 0.2)
    redis.pause()
    began = time.monotonic()
    finding = await redis_at(redis.url)
    assert (finding.state, finding.do) == (State.PROBLEM, check_redis.UNREACHED)
    assert time.monotonic() - began < 10


async def test_an_address_of_redis_that_cannot_be_read_is_told_without_its_password() -> None:
    finding = await redis_at(f"redis://:{PASSWORD}/hush@host:x")
    assert (finding.state, finding.says) == (State.PROBLEM, check_redis.UNREADABLE)


async def test_a_clock_that_agrees_with_the_databases_is_well(desk: Desk) -> None:
    (finding,) = await all_of(of_clock(desk.hub.settings, desk.hub.store))
    assert finding.state is State.OK


@pytest.mark.parametrize(("seconds", "words"), [(600, "s ahead of the database's"), (-600, "s behind the database's")])
async def test_a_clock_that_differs_is_a_warning_with_the_seconds(desk: Desk, seconds: int, words: str) -> None:
    (finding,) = await all_of(of_clock(desk.hub.settings, desk.hub.store, lambda: time.time() + seconds))
    assert finding.state is State.WARNING
    assert words in finding.says
    assert abs(finding.facts["seconds_ahead"] - seconds) < 5


def test_what_mongodb_uri_must_not_ask_for_is_a_warning() -> None:
    uri = "mongodb://h/parley?replicaSet=rs0&w=1&readPreference=secondary"
    (finding,) = of_options(Settings.model_validate({"mongodb_uri": uri}))
    assert finding.state is State.WARNING
    assert "MONGODB_URI sets readPreference and w" in finding.says
    assert not list(of_options(Settings.model_validate({"mongodb_uri": "mongodb://h/?replicaSet=rs0&tls=true"})))


def test_what_production_leaves_open_is_a_warning_as_at_the_start() -> None:
    given: dict[str, Any] = {"environment": "production", "mongodb_uri": "mongodb://db1/?tls=true"}
    found = warnings(list(of_settings(Settings.model_validate(given), {})))
    assert len(found) == 2
    assert found[0].startswith("MONGODB_URI names no user")
    assert found[1].startswith("PUBLIC_URL is not set")


async def test_accounts_that_this_server_is_not_set_up_for_are_warnings(desk: Desk) -> None:
    await store_channel(desk, Platform.FACEBOOK)
    bot = await store_channel(desk, Platform.TELEGRAM, Health.NEEDS_REAUTH)
    bare = Settings.model_validate({"mongodb_uri": "mongodb://h"})
    found = [each for each in await all_of(of_channels(bare, desk.hub.store)) if each.state is State.WARNING]
    assert [(each.says, each.do) for each in found] == [
        (DEAF, NO_SECRET),
        (DEAF, NO_VERIFY_TOKEN),
        (DEAF, NO_ADDRESS),
        ("1 channel cannot send until connected again", check_channels.NAMES_THEM),
    ]
    assert warnings(await all_of(of_channels(WHOLE, desk.hub.store))) == [DEAF, found[-1].says]
    at = f"{WHOLE.public_url}/api/v1/webhooks/telegram/{bot}"
    await desk.hub.store.channels.collection.update_one({"_id": ObjectId(bot)}, {"$set": {"calls_at": at}})
    assert warnings(await all_of(of_channels(WHOLE, desk.hub.store))) == [found[-1].says]


async def test_accounts_are_counted_over_pages_up_to_a_number(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_channels, "AT_ONCE", 2)
    monkeypatch.setattr(check_channels, "MOST", 4)
    for more, counted in ((3, "3 channels"), (2, "at least 4 channels")):
        for _ in range(more):
            await store_channel(desk, Platform.TELEGRAM)
        (found,) = [each for each in await all_of(of_channels(WHOLE, desk.hub.store)) if each.do]
        assert (found.says, found.do) == (f"{counted} may not hear their customers", CALLS_ELSEWHERE)


async def test_credentials_that_no_key_opens_are_a_warning(desk: Desk) -> None:
    await store_channel(desk, Platform.FACEBOOK, key=KEYS[1])
    await store_channel(desk, Platform.TELEGRAM, key=KEYS[0])
    (lost,) = warnings(await all_of(of_keys(desk.hub.settings, desk.hub.store)))
    assert lost == "the credentials of 1 channel are opened by no key that is listed"
    both = Settings.model_validate({"encryption_keys": KEYS})
    assert not warnings(await all_of(of_keys(both, desk.hub.store)))


async def test_credentials_are_lost_with_the_file_of_generated_secrets(desk: Desk, tmp_path: Path) -> None:
    await store_channel(desk, Platform.TELEGRAM, key=KEYS[0])
    settings = Settings(data_dir=tmp_path / "other")
    assert len(warnings(await all_of(of_keys(settings, desk.hub.store)))) == 2, "the channel, and the owner's sign-in"
    settings.data_dir.mkdir()
    (settings.data_dir / "secrets.json").write_text(f'{{"ENCRYPTION_KEYS": "{KEYS[0]}"}}')
    assert not warnings(await all_of(of_keys(settings, desk.hub.store)))


async def store_channel(
    desk: Desk, platform: Platform, health: Health = Health.HEALTHY, key: str = KEYS[0]
) -> ChannelId:
    """Put a connected channel where a server with this key, or of yesterday, would have left it."""
    id = ChannelId(desk.hub.new_id())
    channel = Channel(
        id=id,
        company_id=desk.company.id,
        platform=platform,
        name="Main",
        external_id=f"account {id}",
        main=False,
        health=health,
        sealed=Vault([key]).seal(id, {"access_token": "token"}),
        created_at=desk.hub.now(),
    )
    channels = desk.hub.store.channels
    await channels.collection.insert_one(channels.document(channel))
    return id
