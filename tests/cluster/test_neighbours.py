"""What two servers of one company tell each other besides events: who is here, who writes, who may go on."""

import asyncio
from pathlib import Path

import pytest

from app.actions.end_sessions import end_sessions
from app.actions.enrol import enrol_user
from app.actions.look_up import key_called
from app.actions.revoke_key import revoke_key
from app.actions.sign_in import sign_in
from app.errors import RateLimited, Unauthenticated
from app.models.entity import UserId
from app.models.people import Role
from app.outside.guesses import GUESSES
from app.outside.limiter import Limiter, Rate
from app.sockets import closing, presence, typists
from tests.cluster.redis import Redis
from tests.desk import PASSWORD, Desk, Listener, open_desk
from tests.follower import Follower
from tests.sockets.again import elsewhere
from tests.waiting import until


async def at(desk: Desk, name: str = "bo") -> Listener:
    """Let a colleague connect, who is enrolled at the first time."""
    email = f"{name}@{desk.company.slug}.test"
    if await desk.hub.store.users.with_email(email) is None:
        await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=PASSWORD)
    listener = await desk.listen(token=(await sign_in(desk.hub, email, PASSWORD)).access_token)
    await listener.ready()
    await until(lambda: desk.hub.doorbell.carries(desk.company.id), within=10)
    return listener


def statuses(listener: Listener) -> list[tuple[str, str]]:
    return [(body["user"]["name"], body["status"]) for body in listener.of("presence:update")]


async def here(listener: Listener) -> dict[str, str]:
    """Return who a client is told to be here."""
    listed = (await listener.call("presence:list", {}))["data"]["users"]
    return {each["user"]["name"]: each["status"] for each in listed}


def later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_colleagues_see_each_other_whichever_server_they_are_at(desk: Desk, other: Desk) -> None:
    ann, bo = await at(desk, "ann"), await at(other, "bo")
    await until(lambda: ("bo", "online") in statuses(ann))

    async def complete() -> bool:
        return await here(ann) == await here(bo) == {"ann": "online", "bo": "online"}

    await until(complete)
    await bo.client.disconnect()
    other.sockets.live.attendance.look(later(presence.GRACE))
    await until(lambda: statuses(ann)[-1] == ("bo", "offline"))


async def test_one_who_is_at_both_servers_is_away_at_both_and_leaves_neither(desk: Desk, other: Desk) -> None:
    ann, first, second = await at(desk, "ann"), await at(desk, "bo"), await at(other, "bo")
    assert (await second.call("presence:set", {"status": "away"}))["data"] == {"status": "away"}
    await until(lambda: statuses(ann)[-1] == ("bo", "away"))
    await second.client.disconnect()
    other.sockets.live.attendance.look(later(presence.GRACE))
    staff = desk.sockets.live.attendance
    await until(lambda: not staff.elsewhere(desk.company.id))
    assert await here(ann) == {"ann": "online", "bo": "away"}
    assert (await first.call("presence:set", {"status": "online"}))["data"] == {"status": "online"}
    await until(lambda: statuses(ann)[-1] == ("bo", "online"))
    assert [status for name, status in statuses(ann) if name == "bo"] == ["online", "away", "online"]


async def test_the_people_of_a_server_that_dies_are_gone_a_moment_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await at(desk, "ann")
    async with elsewhere(desk) as other:
        await at(other, "bo")
        await until(lambda: ("bo", "online") in statuses(ann))
    await until(lambda: not desk.hub.doorbell.seen, within=15)
    assert await here(ann) == {"ann": "online", "bo": "online"}
    desk.sockets.live.attendance.look(later(presence.GRACE))
    await until(lambda: statuses(ann)[-1] == ("bo", "offline"))


async def test_a_server_that_was_silent_for_a_moment_keeps_its_people(desk: Desk, other: Desk) -> None:
    ann, _ = await at(desk, "ann"), await at(other, "bo")
    await until(lambda: ("bo", "online") in statuses(ann))
    for each in desk.hub.doorbell.on_gone:
        each(other.hub.process)
    await until(lambda: other.hub.process in desk.hub.doorbell.seen)
    desk.sockets.live.attendance.look(later(2 * presence.GRACE))
    assert await here(ann) == {"ann": "online", "bo": "online"}


async def test_a_farewell_that_was_lost_is_made_good(desk: Desk, other: Desk) -> None:
    ann, bo = await at(desk, "ann"), await at(other, "bo")
    await until(lambda: ("bo", "online") in statuses(ann))
    for each in (desk, other):
        each.hub.doorbell.on("people", lambda *ring: None)
        each.hub.doorbell.on("who", lambda *ring: None)
    await bo.client.disconnect()
    other.sockets.live.attendance.look(later(presence.GRACE))
    desk.sockets.live.attendance.look(later(presence.TELL_ALL))
    assert await here(ann) == {"ann": "online", "bo": "online"}
    desk.sockets.live.attendance.look(later(2 * presence.TELL_ALL + 2 * presence.GRACE))
    assert await here(ann) == {"ann": "online"}


async def test_writing_is_seen_at_the_other_server_and_ends_with_the_one_it_came_from(desk: Desk, other: Desk) -> None:
    conversation = {"conversation_id": (await desk.receive())["conversation_id"]}
    watching, writing = await at(desk, "ann"), await at(other, "bo")
    for listener in (watching, writing):
        await listener.call("conversation:join", conversation)
    await writing.call("typing:start", conversation)
    await until(lambda: [body["typing"] for body in watching.of("typing:indicator")] == [True])
    await writing.call("typing:stop", conversation)
    await until(lambda: [body["typing"] for body in watching.of("typing:indicator")] == [True, False])
    await writing.call("typing:start", conversation)
    await until(lambda: len(watching.of("typing:indicator")) == 3)
    desk.sockets.live.typists.look(later(typists.TYPING_LASTS + typists.LATE))
    await until(lambda: [body["typing"] for body in watching.of("typing:indicator")] == [True, False, True, False])


async def test_who_signs_out_at_one_server_is_out_at_the_other(desk: Desk, other: Desk) -> None:
    bo = await at(other, "bo")
    token = await signed_in(desk)
    ended = await other.http.ws_connect(f"{other.base}/socket.io/?EIO=4&transport=websocket")
    await ended.receive()
    await ended.send_str(f'40/company,{{"token": "{token}"}}')
    while "sync:ready" not in (await ended.receive(timeout=10)).data:
        pass
    status, _ = await desk.ask("POST", "/auth/logout", {}, key="", headers={"Authorization": f"Bearer {token}"})
    assert status == 200
    while isinstance(said := (await ended.receive(timeout=10)).data, str):
        assert said
    assert said == closing.SIGNED_OUT.code
    status, _ = await other.ask("GET", "/auth/me", key="", headers={"Authorization": f"Bearer {token}"})
    assert status == 401
    assert bo.client.connected


async def test_who_ends_somebodys_access_at_one_server_rings_at_the_other(desk: Desk, other: Desk) -> None:
    await at(other, "bo")
    heard: list[str] = []
    other.hub.bells.access.append(heard.append)
    for key in (await key_called(desk.hub, desk.key), await key_called(desk.hub, await desk.new_key("*"))):
        await revoke_key(desk.hub, desk.company.id, key.id)
        await until(lambda key=key: heard[-1:] == [f"key:{key.id}"])
    await end_sessions(desk.hub, desk.company.id, UserId(desk.user_id))
    await until(lambda: heard[-1] == f"user:{desk.user_id}")
    assert (await other.ask("GET", "/auth/me"))[0] == 401


async def signed_in(desk: Desk) -> str:
    return (await sign_in(desk.hub, desk.email, PASSWORD)).access_token


async def test_who_was_let_go_or_may_do_other_things_is_found_by_looking(mongo_uri: str, tmp_path: Path) -> None:
    async with open_desk(mongo_uri, tmp_path) as desk:  # and without Redis
        followers = [
            Follower(desk.base, {"api_key": await desk.new_key("feed:read")}, desk.http),
            Follower(desk.base, {"api_key": await desk.new_key("feed:read")}, desk.http),
            Follower(desk.base, {"token": await signed_in(desk)}, desk.http),
            Follower(desk.base, {"token": await signed_in(desk)}, desk.http),
        ]
        for each in followers:
            await each.connect()
        keys, people = desk.hub.store.api_keys.collection, desk.hub.store.users.collection
        await keys.delete_one({"prefix": followers[0].auth["api_key"][:12]})
        await desk.sockets.reviews.everyone()
        await followers[0].gone()
        assert followers[0].closed == closing.SIGNED_OUT.code
        await keys.update_one({"prefix": followers[1].auth["api_key"][:12]}, {"$set": {"scopes": ["*"]}})
        await people.update_one({"email": desk.email}, {"$set": {"role": "agent"}})
        await desk.sockets.reviews.everyone()
        for each in followers[1:]:
            await each.gone()
        assert [each.closed for each in followers[1:]] == [closing.CHANGED.code] * 3


LIMITS = {"RATE_LIMITS": "on", "SOCKETS_PER_USER": "2", "SIGN_INS_PER_MINUTE": "2", "REQUESTS_PER_SECOND": "5"}


async def test_connections_are_counted_over_all_servers(mongo_uri: str, redis: Redis, tmp_path: Path) -> None:
    async with (
        open_desk(mongo_uri, tmp_path, REDIS_URL=redis.url, **LIMITS) as desk,
        elsewhere(desk) as other,
    ):
        for door in (desk, other):
            await Follower(door.base, {"api_key": desk.key}, desk.http).connect()
        await until(lambda: not other.sockets.engine.turnstile.admits_identity(*principal_of(desk)), within=10)
        third = Follower(other.base, {"api_key": desk.key}, desk.http)
        with pytest.raises(ConnectionResetError):
            await third.connect()
        assert third.closed == closing.CROWDED.code


def principal_of(desk: Desk) -> tuple[str, str]:
    identity = next(each.identity for each in desk.sockets.engine.connections.values())
    assert identity is not None
    return identity.principal, desk.company.id


async def test_tries_to_sign_in_are_counted_over_all_servers_and_without_redis_in_each(
    mongo_uri: str, redis: Redis, tmp_path: Path
) -> None:
    async with (
        open_desk(mongo_uri, tmp_path, REDIS_URL=redis.url, **LIMITS) as desk,
        elsewhere(desk) as other,
    ):
        await until(lambda: desk.hub.doorbell.reached and other.hub.doorbell.reached, within=10)
        for _ in range(2):
            with pytest.raises(Unauthenticated):
                await sign_in(desk.hub, "nobody@acme.test", "wrong")
        with pytest.raises(RateLimited):
            await sign_in(desk.hub, "nobody@acme.test", "wrong")

        async def refused() -> bool:
            try:  # a try that is let through takes from the bucket as well, so it is empty after two at most
                await sign_in(other.hub, "nobody@acme.test", "wrong")
            except (RateLimited, Unauthenticated) as error:
                return isinstance(error, RateLimited)
            return False

        await until(lambda: any("nobody@acme.test" in name for name in other.hub.limiter.names), within=10)
        assert await refused() or await refused()
        await redis.kill()
        await until(lambda: not other.hub.doorbell.reached, within=10)
        said = [(await other.ask("POST", "/auth/login", body("somebody"), key=""))[0] for _ in range(3)]
        assert said == [401, 401, 429]


def body(name: str) -> dict[str, str]:
    return {"email": f"{name}@acme.test", "password": "wrong"}


async def test_a_key_that_one_server_has_seen_passes_the_guesses_of_its_address_at_another(
    mongo_uri: str, redis: Redis, tmp_path: Path
) -> None:
    async with (
        open_desk(mongo_uri, tmp_path, RATE_LIMITS="on", REDIS_URL=redis.url) as desk,
        elsewhere(desk) as other,
    ):
        await until(lambda: desk.hub.doorbell.reached and other.hub.doorbell.reached, within=10)
        key = await desk.new_key("conversations:read")
        assert (await desk.ask("GET", "/conversations", key=key))[0] == 200
        for _ in range(int(GUESSES.burst) + 1):
            await other.ask("GET", "/conversations", key="sk_made_up")
        assert (await other.ask("GET", "/conversations", key="sk_made_up"))[0] == 429

        async def passes() -> bool:
            return (await other.ask("GET", "/conversations", key=key))[0] == 200

        await until(passes, within=10)


async def test_a_key_that_asks_too_often_is_told_when_to_come_again(mongo_uri: str, tmp_path: Path) -> None:
    async with open_desk(mongo_uri, tmp_path, **LIMITS) as desk:
        said = await asyncio.gather(*(desk.ask("GET", "/auth/me") for _ in range(40)))
        refused = [answer["error"] for status, answer in said if status == 429]
        assert {error["code"] for error in refused} == {"rate_limited"}
        assert {error["retry_after"] for error in refused} == {1}


async def test_a_bucket_fills_up_again_and_is_never_emptier_than_empty(desk: Desk) -> None:
    limiter, rate = Limiter(desk.hub.doorbell), Rate(count=1000, seconds=1.0, burst=2)
    for _ in range(2):
        limiter.take("a", Rate(count=1, seconds=3600.0, burst=2))
    with pytest.raises(RateLimited) as refused:
        limiter.take("a", Rate(count=1, seconds=3600.0, burst=2))
    assert 3590 < float(str(refused.value.facts["retry_after"])) <= 3600
    for _ in range(100):
        limiter._hear("another", None, b'[["b",0.001,2,1000]]')

    def taken() -> bool:
        try:
            limiter.take("b", rate)
        except RateLimited:
            return False
        return True

    assert await until(taken, within=2)
    Limiter(desk.hub.doorbell, on=False).take("a", Rate(count=1, seconds=3600.0, burst=0))
