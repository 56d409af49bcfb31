"""Coming in: who is let in, who is refused for good, and who is only sent away for now."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import socketio
from bson import ObjectId

from app.actions.enrol import enrol_user
from app.actions.sign_in import sign_in
from app.hub import Hub
from app.models.caller import Caller
from app.models.people import Role
from app.sockets import engine, namespace
from app.sockets.closing import NO_CONNECT, TRY_LATER
from app.sockets.payloads import ConnectAuth
from tests.desk import PASSWORD, Desk
from tests.sockets.wire import DOOR, PAGE, hears, token_of, wired

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_person_joins_the_company_by_connecting(desk: Desk) -> None:
    listener = await desk.listen()
    ready = await listener.ready()
    assert (ready["head"], ready["resumed"], ready["type"]) == (1, False, "sync:ready")
    message = await desk.receive("Is my order on its way?")
    (event,) = await hears(listener, 1)
    assert (event["type"], event["prev"], event["seq"]) == ("message:new", 1, 2)
    assert (event["message"], event["conversation_id"]) == (message, message["conversation_id"])


async def test_a_key_that_may_read_the_feed_hears_it(desk: Desk) -> None:
    listener = await desk.listen(api_key=await desk.new_key("feed:read"))
    await listener.ready()
    await desk.receive()
    assert await hears(listener, 1)


async def test_the_seq_that_a_client_joins_at_is_the_companys_head(desk: Desk) -> None:
    message = await desk.receive()
    assert (await (await desk.listen()).ready())["head"] == message["seq"]


Auth = Callable[[Desk], dict[str, Any]]
REFUSED: list[tuple[str, str, Auth]] = [
    ("a token nobody issued", "unauthenticated", lambda desk: {"token": "x.y.z"}),
    ("a token changed by somebody", "unauthenticated", lambda desk: {"token": desk.token[:-3] + "AAA"}),
    ("an expired token", "token_expired", lambda desk: {"token": token_of(desk, -1)}),
    (
        "a token of an unknown company",
        "unauthenticated",
        lambda desk: {"token": token_of(desk, company_id=str(ObjectId()), user_id=str(ObjectId()))},
    ),
    (
        "a token of a sign-in that ended",
        "unauthenticated",
        lambda desk: {"token": token_of(desk, session_id=str(ObjectId()))},
    ),
    ("a key nobody has", "unauthenticated", lambda desk: {"api_key": "pk_123456789_nothing"}),
    ("the key of internal services", "forbidden", lambda desk: {"api_key": internal_key(desk)}),
    ("two proofs", "validation_failed", lambda desk: {"token": desk.token, "api_key": desk.key}),
    ("no proof", "validation_failed", lambda desk: {"seq": 1}),
    ("nothing", "validation_failed", lambda desk: {}),
    ("an operator", "validation_failed", lambda desk: {"token": {"$ne": ""}}),
    ("a number for a token", "validation_failed", lambda desk: {"token": 7}),
    ("a key sent as a token", "unauthenticated", lambda desk: {"token": desk.key}),
    ("a seq below nothing", "validation_failed", lambda desk: {"token": desk.token, "seq": -1}),
    ("a seq in words", "validation_failed", lambda desk: {"token": desk.token, "seq": "41"}),
    ("an epoch that is none", "validation_failed", lambda desk: {"token": desk.token, "epoch": ["a"]}),
]


@pytest.mark.parametrize(("code", "auth"), [pytest.param(code, auth, id=name) for name, code, auth in REFUSED])
async def test_nobody_else_is_let_in(desk: Desk, code: str, auth: Auth) -> None:
    assert await refused(desk, **auth(desk)) == code


async def refused(desk: Desk, **auth: Any) -> Any:
    """Connect as somebody who is not let in, and return the code of the refusal."""
    with pytest.raises(socketio.exceptions.ConnectionError):
        await desk.listen(**{"token": None, **auth} if "api_key" in auth else {"api_key": None, **auth})
    answer = desk.listeners[-1].refused[-1]
    assert answer["message"] == answer["data"]["message"]
    return answer["data"]["code"]


def internal_key(desk: Desk) -> str:
    """Return the key that belongs to no company."""
    key = desk.hub.settings.internal_service_api_key
    assert key is not None
    return key.get_secret_value()


async def test_a_key_without_the_scope_is_not_let_in(desk: Desk) -> None:
    assert await refused(desk, api_key=await desk.new_key("messages:read")) == "forbidden"


async def test_a_refused_client_hears_nothing_and_may_try_again_at_once(desk: Desk) -> None:
    async with wired(desk) as wire:
        assert (await wire.connect(token="x.y.z"))["data"]["code"] == "unauthenticated"
        await desk.receive()
        assert "sid" in await wire.connect(token=desk.token)
        assert (await wire.heard("42/company,"))[0] == "sync:ready"


async def test_more_than_a_server_asks_for_is_ignored(desk: Desk) -> None:
    """A refused CONNECT is final for official clients, and some keep more beside their cursor."""
    async with wired(desk) as wire:
        assert "sid" in await wire.connect(token=desk.token, colour="red", head=7)


async def test_a_key_sent_as_a_token_is_told_where_it_belongs(desk: Desk) -> None:
    async with wired(desk) as wire:
        assert "api_key" in (await wire.connect(token=desk.key))["data"]["message"]


async def test_polling_is_told_that_websocket_is_spoken_here_alone(desk: Desk) -> None:
    async with desk.http.get(f"{desk.base}/socket.io/?EIO=4&transport=polling") as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, 0)
        assert "This server speaks WebSocket only" in (await answer.json())["message"]


@pytest.mark.parametrize("namespace", ["/", "/nobody", "/Company", "/company/", "/visitor"])
async def test_an_unknown_namespace_is_refused_for_good(desk: Desk, namespace: str) -> None:
    async with wired(desk) as wire:
        await wire.say(f"40{namespace}," if namespace != "/" else "40")
        answer = await wire.heard("44" if namespace == "/" else f"44{namespace},")
        assert (answer["message"], answer["data"]["code"]) == ("Invalid namespace", "unknown_namespace")
        assert "/company and /conversation" in answer["data"]["message"]


async def test_who_signs_out_while_connecting_is_not_let_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = namespace.caller_of, 0

    async def caller_of(hub: Hub, auth: ConnectAuth, address: str) -> Caller:
        nonlocal asked
        asked += 1
        caller = await real(hub, auth, address)
        if asked == 1:  # its sockets are closed, but this one has no name yet by which it could be found
            await desk.post("/auth/logout", {}, key="", headers={"Authorization": f"Bearer {desk.token}"})
        return caller

    monkeypatch.setattr(namespace, "caller_of", caller_of)
    async with wired(desk) as wire:
        assert (await wire.connect(token=desk.token))["data"]["code"] == "unauthenticated"


async def test_one_connection_speaks_for_one_person(desk: Desk) -> None:
    email = f"agent@{desk.company.slug}.test"
    await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=PASSWORD)
    agent = (await sign_in(desk.hub, email, PASSWORD)).access_token
    async with wired(desk) as wire:
        assert "sid" in await wire.connect("/company", token=desk.token)
        assert (await wire.connect("/conversation", token=agent))["data"]["code"] == "identity_mismatch"
        assert "sid" in await wire.connect("/conversation", token=token_of(desk))


async def test_one_connection_speaks_for_one_company(desk: Desk, house: Desk) -> None:
    async with wired(desk) as wire:
        assert "sid" in await wire.connect("/conversation", api_key=desk.key)
        assert (await wire.connect("/company", api_key=house.key))["data"]["code"] == "identity_mismatch"


async def test_a_client_in_both_namespaces_hears_an_event_in_each(desk: Desk) -> None:
    conversation = (await desk.receive())["conversation_id"]
    async with wired(desk) as wire:
        for namespace in ("/company", "/conversation"):
            await wire.connect(namespace, token=desk.token)
        await wire.call("conversation:join", {"conversation_id": conversation}, namespace="/conversation")
        await desk.receive("Anyone?")
        assert [(await wire.heard(f"42/{name},"))[0] for name in ("company", "conversation")] == ["message:new"] * 2


async def test_a_client_may_leave_a_namespace_and_come_back(desk: Desk) -> None:
    async with wired(desk) as wire:
        for _ in range(2):
            assert "sid" in await wire.connect(token=desk.token)
            assert (await wire.heard("42/company,"))[0] == "sync:ready"
            await wire.say("41/company,")


async def test_a_server_that_is_stopping_sends_away_without_refusing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with wired(desk) as wire:
        monkeypatch.setattr(desk.hub.drain, "begun", True)
        await wire.say(f'40/company,{{"token":"{desk.token}"}}')
        assert await wire.closed() == (TRY_LATER.code, TRY_LATER.reason)  # and no CONNECT_ERROR, which would be final


async def test_who_connects_to_nothing_in_time_is_sent_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CONNECT_WITHIN", 0.05)
    async with wired(desk) as wire:
        assert await wire.closed() == (NO_CONNECT.code, NO_CONNECT.reason)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?EIO=4&transport=polling", 0),
        ("?EIO=4", 0),
        ("?EIO=3&transport=websocket", 5),
        ("", 5),
        ("?EIO=4&transport=websocket&sid=abc", 3),
    ],
)
async def test_only_a_websocket_of_this_protocol_is_taken(desk: Desk, query: str, code: int) -> None:
    async with desk.http.get(f"{desk.base}/socket.io/{query}") as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, code)


async def test_a_post_is_no_handshake(desk: Desk) -> None:
    async with desk.http.post(desk.base + DOOR, data="40/company,") as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, 3)


async def test_a_plain_get_of_the_websockets_address_is_refused_in_the_usual_shape(desk: Desk) -> None:
    async with desk.http.get(desk.base + DOOR) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (PAGE, True),
        ("http://own", True),
        ("http://localhost:5173", True),
        (None, True),
        ("https://evil.example", False),
        (PAGE + ".evil.example", False),
        ("http://desk.example", False),
        ("null", False),
        ("x://own", False),
    ],
)
async def test_only_pages_of_known_origins_may_connect(desk: Desk, origin: str | None, allowed: bool) -> None:
    named = origin.replace("own", desk.base.partition("://")[2]) if origin else None
    headers = {"Origin": named, "Connection": "Upgrade", "Upgrade": "websocket"} if named else {}
    if allowed:
        async with wired(desk, headers={"Origin": named} if named else {}) as wire:
            assert "sid" in wire.hello
    else:
        async with desk.http.get(desk.base + DOOR, headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, 4)


async def test_frames_are_never_deflated(desk: Desk) -> None:
    async with desk.http.ws_connect(desk.base + DOOR, compress=15) as socket:
        assert socket.compress == 0
        assert "Sec-WebSocket-Extensions" not in socket._response.headers


async def test_the_handshake_says_what_the_client_must_know(desk: Desk) -> None:
    async with wired(desk) as wire:
        assert wire.hello.keys() == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
        assert (wire.hello["upgrades"], wire.hello["pingInterval"], wire.hello["pingTimeout"]) == ([], 25000, 60000)


async def test_a_client_behind_a_trusted_proxy_has_its_own_address(desk: Desk, hasty: Desk) -> None:
    for house, address in ((desk, "127.0.0.1"), (hasty, "203.0.113.7")):
        async with wired(house, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}) as wire:
            assert house.sockets.engine.connections[wire.hello["sid"]].remote == address


async def test_a_hundred_clients_come_in_at_once(desk: Desk) -> None:
    async def come() -> str:
        async with wired(desk) as wire:
            await wire.connect(token=desk.token)
            return str((await wire.heard("42/company,"))[0])

    assert await asyncio.gather(*(come() for _ in range(100))) == ["sync:ready"] * 100
