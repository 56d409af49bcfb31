"""How long a connection lives: as long as its client answers, its token is valid and its sign-in lasts."""

import asyncio
import math
from dataclasses import replace

import pytest

from app.actions.enrol import enrol_user
from app.actions.sign_in import sign_in
from app.models.people import Role
from app.sockets import company
from app.sockets.closing import EXPIRED, PING_TIMEOUT, RESTARTING, SIGNED_OUT
from tests.desk import PASSWORD, Desk
from tests.sockets.again import elsewhere
from tests.sockets.held import Held
from tests.sockets.wire import DOOR, Wire, admitted, head_of, token_of
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def short_token(desk: Desk) -> str:
    """Return a token that is valid for one to two seconds: tokens end at whole seconds."""
    now = desk.hub.now().timestamp()
    return token_of(desk, math.ceil(now) + 1 - now)


async def answering(wire: Wire) -> int | None:
    """Answer every ping until the connection ends, and return the close code."""
    async with asyncio.timeout(5):
        async for message in wire.socket:
            if message.data == "2":
                await wire.say("3")
    return wire.socket.close_code


async def test_who_answers_no_ping_is_gone(hasty: Desk) -> None:
    async with admitted(hasty) as wire:
        assert await wire.closed() == (PING_TIMEOUT.code, PING_TIMEOUT.reason)


async def test_who_answers_pings_stays(hasty: Desk) -> None:
    async with admitted(hasty) as wire:
        for _ in range(5):  # pings come every 0.1 s, and a client that is silent for 0.2 s is gone
            while await wire.next() != "2":
                pass
            await wire.say("3")
        assert (await wire.call("sync", {"epoch": await hasty.epoch(), "since": 0}))["ok"]


async def test_a_connection_ends_with_its_token_unless_a_newer_one_came(hasty: Desk) -> None:
    async with (
        admitted(hasty, token=short_token(hasty)) as short,
        admitted(hasty, token=short_token(hasty)) as renewed,
        admitted(hasty, api_key=hasty.key) as key,
    ):
        ack = await renewed.call("auth:refresh", {"token": token_of(hasty)})
        assert ack["data"]["expires_at"] > hasty.hub.now().isoformat()
        ends = [asyncio.create_task(answering(wire)) for wire in (short, renewed, key)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        assert [end.done() for end in ends] == [True, False, False]
        assert ends[0].result() == EXPIRED.code
        for end in ends[1:]:
            end.cancel()


async def test_an_older_token_does_not_shorten_a_connections_life(hasty: Desk) -> None:
    async with admitted(hasty, token=token_of(hasty, 60)) as wire:
        first = (await wire.call("auth:refresh", {"token": token_of(hasty, 120)}))["data"]["expires_at"]
        second = (await wire.call("auth:refresh", {"token": token_of(hasty, 30)}))["data"]["expires_at"]
        assert first == second


async def test_a_newer_token_serves_every_namespace(hasty: Desk) -> None:
    async with admitted(hasty, token=token_of(hasty, 60)) as wire:
        await wire.connect("/conversation", token=token_of(hasty, 60))
        ack = await wire.call("auth:refresh", {"token": token_of(hasty, 120)}, namespace="/conversation")
        again = await wire.call("auth:refresh", {"token": token_of(hasty, 90)}, namespace="/company")
        assert ack["data"]["expires_at"] == again["data"]["expires_at"]


async def test_a_connection_cannot_become_somebody_elses(desk: Desk) -> None:
    email = f"agent@{desk.company.slug}.test"
    await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=PASSWORD)
    agent = (await sign_in(desk.hub, email, PASSWORD)).access_token
    async with admitted(desk) as wire:
        for token, code in (
            (agent, "identity_mismatch"),
            (token_of(desk, -1), "token_expired"),
            ("x", "unauthenticated"),
        ):
            ack = await wire.call("auth:refresh", {"token": token})
            assert (ack["ok"], ack["error"]["code"]) == (False, code)
        assert (await wire.call("sync", {"epoch": await desk.epoch(), "since": 0}))["ok"]


async def test_an_expired_token_opens_nothing_but_its_own_renewal(desk: Desk) -> None:
    conversation = (await desk.receive())["conversation_id"]
    async with admitted(desk) as wire:
        connection = desk.sockets.engine.connections[wire.hello["sid"]]
        assert connection.identity is not None
        # It has just run out, and the sweep has not looked yet.
        connection.identity = replace(connection.identity, expires_at=desk.hub.now())
        before = await head_of(desk)
        for event, payload in (
            ("message:send", {"conversation_id": conversation, "content": "It is."}),
            ("message:read", {"conversation_id": conversation}),
            ("auth:refresh", {"token": token_of(desk, -1)}),
        ):
            error = (await wire.call(event, payload))["error"]
            assert (error["code"], error["retryable"]) == ("token_expired", False)
        assert await head_of(desk) == before
        assert (await wire.call("auth:refresh", {"token": token_of(desk)}))["ok"]
        assert (await wire.call("message:read", {"conversation_id": conversation}))["ok"]


async def test_signing_out_closes_the_sockets_of_that_sign_in_alone(desk: Desk) -> None:
    other = (await sign_in(desk.hub, desk.email, PASSWORD)).access_token
    async with admitted(desk) as ended, admitted(desk, "/conversation") as too, admitted(desk, token=other) as stays:
        await desk.post("/auth/logout", {}, key="", headers={"Authorization": f"Bearer {desk.token}"})
        for wire in (ended, too):
            assert await wire.closed() == (SIGNED_OUT.code, SIGNED_OUT.reason)
        assert (await stays.call("sync", {"epoch": await desk.epoch(), "since": 0}))["ok"]


async def test_a_server_that_stops_answers_first_what_a_client_has_asked_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = (await desk.receive())["conversation_id"]
    held = Held(monkeypatch, company, "send_message")
    async with elsewhere(desk) as other, admitted(other) as idle, admitted(other) as busy:
        await busy.say(f'42/company,1["message:send",{{"conversation_id":"{conversation}","content":"It is."}}]')
        await until(lambda: held.waiting)
        stopping = asyncio.create_task(other.sockets.drain())
        assert await idle.closed() == (RESTARTING.code, RESTARTING.reason)
        held.go.set()
        ack = (await busy.heard("43/company,1"))[0]
        assert (ack["ok"], ack["data"]["seq"]) == (True, await head_of(desk))
        assert await busy.closed() == (RESTARTING.code, RESTARTING.reason)
        await stopping


async def test_a_server_that_stops_tells_its_clients_to_come_back(desk: Desk) -> None:
    async with elsewhere(desk) as other, admitted(other) as wire:
        await other.sockets.drain()
        assert await wire.closed() == (RESTARTING.code, RESTARTING.reason)
        async with desk.http.get(other.base + DOOR) as answer:
            assert answer.status == 503
