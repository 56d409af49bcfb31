"""What clients say over a socket: each event is answered, in the order in which it was said."""

import json

import pytest

from tests.desk import Desk, new_contact
from tests.sockets.wire import admitted, head_of, hears
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOTH = pytest.mark.parametrize("namespace", ["/company", "/conversation"])


async def opened(desk: Desk) -> str:
    """Let the customer write, and return the conversation's id."""
    return str((await desk.receive())["conversation_id"])


@BOTH
async def test_a_message_is_sent_and_acknowledged(desk: Desk, namespace: str) -> None:
    conversation, dashboard = await opened(desk), await desk.listen()
    await dashboard.ready()
    sender = await desk.listen(namespace)
    said = {"conversation_id": conversation, "content": "It is.", "client_message_id": "a1"}
    ack = await sender.call("message:send", said)
    (event,) = await hears(dashboard, 1)
    assert ack["ok"] is True
    assert ack["data"] == {"id": event["message"]["id"], "seq": 3, "conversation_id": conversation, "duplicate": False}
    assert (event["message"]["content"], event["message"]["client_message_id"]) == ("It is.", "a1")
    assert (event["message"]["author"]["id"], event["message"]["direction"]) == (desk.user_id, "outbound")


@BOTH
async def test_the_same_message_twice_is_one_message(desk: Desk, namespace: str) -> None:
    conversation, sender = await opened(desk), await desk.listen(namespace)
    said = {"conversation_id": conversation, "content": "It is.", "client_message_id": "a1"}
    first, again = [await sender.call("message:send", said) for _ in range(2)]
    assert again["data"] == {**first["data"], "duplicate": True}


@BOTH
async def test_other_words_under_the_same_key_are_a_conflict(desk: Desk, namespace: str) -> None:
    conversation, sender = await opened(desk), await desk.listen(namespace)
    said = {"conversation_id": conversation, "client_message_id": "a1"}
    await sender.call("message:send", {**said, "content": "It is."})
    ack = await sender.call("message:send", {**said, "content": "It is not."})
    assert (ack["ok"], ack["error"]["code"], ack["error"]["retryable"]) == (False, "idempotency_conflict", False)


async def test_a_key_is_one_over_both_doors(desk: Desk) -> None:
    conversation, sender = await opened(desk), await desk.listen(api_key=desk.key)
    said = {"conversation_id": conversation, "content": "It is.", "client_message_id": "a1"}
    ack = await sender.call("message:send", said)
    posted = await desk.post("/messages", {**said, "role": "operator"})
    assert (posted["data"]["id"], posted["data"]["seq"]) == (ack["data"]["id"], ack["data"]["seq"])


async def test_names_may_be_written_as_javascript_does(desk: Desk) -> None:
    conversation, sender = await opened(desk), await desk.listen()
    said = {"conversationId": conversation, "content": "It is.", "clientMessageId": "a1"}
    first, again = [await sender.call("message:send", said) for _ in range(2)]
    assert (first["ok"], again["data"]["duplicate"]) == (True, True)


async def test_a_closed_conversation_refuses_a_reply(desk: Desk) -> None:
    conversation, sender = await opened(desk), await desk.listen()
    await desk.ask("PATCH", f"/conversations/{conversation}", {"status": "closed"})
    ack = await sender.call("message:send", {"conversation_id": conversation, "content": "Still there?"})
    assert (ack["ok"], ack["error"]["code"]) == (False, "conversation_closed")


@BOTH
async def test_a_conversation_is_marked_as_read(desk: Desk, namespace: str) -> None:
    first = await desk.receive("one")
    last = await desk.receive("two")
    dashboard, reader = await desk.listen(), await desk.listen(namespace)
    await dashboard.ready()
    conversation = first["conversation_id"]
    part = await reader.call("message:read", {"conversation_id": conversation, "up_to_seq": first["seq"]})
    whole = await reader.call("message:read", {"conversationId": conversation})
    events = await hears(dashboard, 2)
    assert part["data"] == {"conversation_id": conversation, "read_seq": first["seq"], "unread_count": 1}
    assert whole["data"] == {"conversation_id": conversation, "read_seq": last["seq"], "unread_count": 0}
    assert [(event["type"], event["reader_id"], event["up_to_seq"]) for event in events] == [
        ("message:read", desk.user_id, first["seq"]),
        ("message:read", desk.user_id, last["seq"]),
    ]


async def test_who_wants_no_answer_gets_none(desk: Desk) -> None:
    conversation = await opened(desk)
    async with admitted(desk) as wire:
        await wire.say(f'42/company,["message:send",{{"conversation_id":"{conversation}","content":"It is."}}]')
        await wire.say('42/company,["message:shout"]', '42/company,["sync",{"since":"x"}]')
        packets = [await wire.next()]
        await wire.say('42/company,9["message:shout"]')
        packets += [await wire.next()]
        assert [packet[:12] for packet in packets] == ["42/company,[", "43/company,9"]


async def test_one_clients_events_are_handled_in_the_order_they_came(desk: Desk) -> None:
    conversation = await opened(desk)
    async with admitted(desk) as wire:
        await wire.call("conversation:join", {"conversation_id": conversation})
        slow = f'["message:send",{{"conversation_id":"{conversation}","content":"It is."}}]'
        fast = f'["typing:stop",{{"conversation_id":"{conversation}"}}]'
        await wire.say(*(f"42/company,{id}{fast if id % 3 else slow}" for id in range(10, 40)))
        acks = list[int]()
        while len(acks) < 30:
            packet = await wire.next()
            acks += [int(packet[11:13])] if packet.startswith("43/company,") else []
        assert acks == list(range(10, 40))


async def test_a_busy_client_does_not_hold_up_another(desk: Desk) -> None:
    conversations = [
        await opened(desk),
        (await desk.receive(contact_id=await new_contact(desk, "Ben")))["conversation_id"],
    ]
    async with admitted(desk) as eager, admitted(desk) as calm:
        said = f'["message:send",{{"conversation_id":"{conversations[0]}","content":"It is."}}]'
        await eager.say(*(f"42/company,{id}{said}" for id in range(100, 200)))
        assert (await calm.call("conversation:join", {"conversation_id": conversations[1]}))["ok"]
        await eager.heard("43/company,199")
    assert await head_of(desk) == 104


@pytest.mark.parametrize(
    ("event", "scope"),
    [
        ("message:send", "messages:write"),
        ("message:read", "messages:write"),
        ("conversation:join", "conversations:read"),
        ("typing:start", "conversations:read"),
    ],
)
async def test_each_event_needs_its_scope(desk: Desk, event: str, scope: str) -> None:
    payload = {"conversation_id": await opened(desk), **({"content": "It is."} if event == "message:send" else {})}
    for scopes, ok in ((("feed:read",), False), (("feed:read", scope), True)):
        ack = await (await desk.listen(api_key=await desk.new_key(*scopes))).call(event, payload)
        assert (ack["ok"], ack.get("error", {}).get("code", "")) == (ok, "" if ok else "forbidden")


async def test_every_durable_event_reaches_the_company(desk: Desk) -> None:
    listener = await desk.listen()
    await listener.ready()
    message = await desk.receive()
    await desk.ask("PATCH", f"/messages/{message['id']}", {"content": "Corrected"})
    await desk.ask("DELETE", f"/messages/{message['id']}")
    await desk.ask("PATCH", f"/conversations/{message['conversation_id']}", {"status": "closed"})
    await desk.ask("PATCH", f"/contacts/{desk.contact_id}", {"name": "Ann Smith"})
    await desk.post("/internal/socket/appointment-created", {"companyId": desk.company.id, "appointment": {"id": "a"}})
    await until(lambda: len(listener.events) == 6)
    assert (
        [name for name, _ in listener.heard[1:]]
        == [event["type"] for event in listener.events]
        == [
            "message:new",
            "message:updated",
            "message:deleted",
            "conversation:updated",
            "contact:updated",
            "appointment:created",
        ]
    )
    assert [event["prev"] for event in listener.events] == list(range(1, 7))


async def test_half_an_emoji_is_stored_as_a_sign_that_something_is_missing(desk: Desk) -> None:
    conversation = (await desk.receive())["conversation_id"]
    async with admitted(desk) as wire:
        said = json.dumps(["message:send", {"conversation_id": conversation, "content": "Cut \ud83d"}])
        assert "\\ud83d" in said  # as JSON.stringify writes it
        await wire.say(f"42/company,1{said}")
        ack = (await wire.heard("43/company,1"))[0]
    _, message = await desk.ask("GET", f"/messages/{ack['data']['id']}")
    assert message["data"]["content"] == "Cut \ufffd"
