"""A command is a process of its own: what it ends is ended at every server, by a ring or by a note."""

import asyncio
from pathlib import Path

import pytest

from app.actions.sign_in import sign_in
from app.sockets import closing, reviews
from tests.cli.processes import run
from tests.cluster.redis import Redis
from tests.desk import PASSWORD, Desk, open_desk
from tests.follower import Follower
from tests.sockets.again import elsewhere

WITHIN = 15.0  # seconds on a busy machine; a look at everyone comes after 30


async def followers(desk: Desk, *others: Desk) -> tuple[list[Follower], list[Follower]]:
    """Follow the feed at each server, with a key and as a person."""
    keys, people = [], []
    for each in (desk, *others):
        keys.append(Follower(each.base, {"api_key": desk.key}, desk.http))
        people.append(
            Follower(each.base, {"token": (await sign_in(desk.hub, desk.email, PASSWORD)).access_token}, desk.http)
        )
    for follower in (*keys, *people):
        await follower.connect()
    return keys, people


async def ended(followed: list[Follower]) -> None:
    for follower in followed:
        async with asyncio.timeout(WITHIN):
            await follower.gone()
        assert follower.closed == closing.SIGNED_OUT.code


async def test_with_redis_a_command_rings_at_every_server_before_it_ends(
    mongo_uri: str, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "NOTES", 3600.0)  # the ring alone
    monkeypatch.setattr(reviews, "EVERYONE", 3600.0)
    async with open_desk(mongo_uri, tmp_path, REDIS_URL=redis.url) as desk, elsewhere(desk) as other:
        keys, people = await followers(desk, other)
        told = {"MONGODB_URI": desk.uri, "REDIS_URL": redis.url}
        assert (await run(tmp_path, "revoke-key", desk.key[:12], **told)).code == 0
        await ended(keys)
        assert (await run(tmp_path, "deactivate-user", desk.email, **told)).code == 0
        await ended(people)


async def test_without_redis_a_server_finds_the_note_of_a_command_within_seconds(
    mongo_uri: str, tmp_path: Path
) -> None:
    async with open_desk(mongo_uri, tmp_path) as desk:
        keys, people = await followers(desk)
        assert (await run(tmp_path, "revoke-key", desk.key[:12], MONGODB_URI=desk.uri)).code == 0
        await ended(keys)
        done = await run(
            tmp_path, "set-password", desk.email, "--password-stdin", stdin="another battery\n", MONGODB_URI=desk.uri
        )
        assert done.code == 0, done
        await ended(people)
