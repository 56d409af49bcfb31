"""The journal on a real replica set: one order, no gaps, nothing twice."""

import asyncio
import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from app.access import caller_with_key
from app.actions.draft import Draft
from app.actions.send_message import send_message
from app.errors import Busy, Duplicate, OutcomeUnknown, Refusal, Unavailable
from app.events import ContactUpdated
from app.journal import journal as journal_module
from app.journal.change import Change, Decision, Seen
from app.main import open_hub
from app.models.caller import Caller
from app.models.contact import Contact, Platform
from app.models.entity import ChannelId, ContactId
from app.models.message import Direction, MessageRole
from app.outside.mongod import temporary_mongo
from tests.alive import mongod_on
from tests.desk import Desk, open_desk
from tests.follower import Follower
from tests.waiting import until


def inbound(desk: Desk, content: str = "Hello", **more: object) -> Draft:
    return Draft(
        role=MessageRole.USER,
        direction=Direction.INBOUND,
        contact_id=ContactId(desk.contact_id),
        platform=Platform.WEB,
        content=content,
        **more,  # type: ignore[arg-type]
    )


async def stored(desk: Desk, caller: Caller, number: int) -> None:
    """Store a message as a careful client does: on a busy machine a commit may take longer than its caller waits."""
    draft = inbound(desk, f"{number}", client_message_id=f"message-{number}")
    for _ in range(9):
        with suppress(OutcomeUnknown, Unavailable):
            await send_message(desk.hub, caller, draft)
            return
    await send_message(desk.hub, caller, draft)


async def seqs_in_log(desk: Desk) -> list[int]:
    since, seqs = 0, list[int]()
    while True:
        page = await desk.changes(since)
        seqs += [event["seq"] for event in page["events"]]
        since = page["next"]
        if not page["more"]:
            return seqs


@pytest.fixture
async def caller(desk: Desk) -> Caller:
    return await caller_with_key(desk.hub, desk.key)


async def test_eight_writers_and_readers_that_come_and_go_leave_no_gap_and_nothing_twice(
    desk: Desk, caller: Caller
) -> None:
    count = 20_000
    followers = [Follower(desk.base, {"token": desk.token}, desk.http) for _ in range(4)]
    for follower in followers:
        await follower.connect()
    numbers = iter(range(count))

    async def write() -> None:
        while numbered := batch():
            await asyncio.gather(*(stored(desk, caller, n) for n in numbered))

    def batch() -> list[int]:
        return [n for _, n in zip(range(25), numbers, strict=False)]

    async def wander(follower: Follower, seed: int) -> None:
        chance = random.Random(seed)
        while (follower.cursor or 0) < count:
            await follower.reach(min(count, (follower.cursor or 0) + chance.randrange(1, 3000)), within=60)
            await follower.cut()
            await follower.connect()

    await asyncio.gather(*(write() for _ in range(8)), *(wander(each, n) for n, each in enumerate(followers)))
    for follower in followers:
        await follower.reach(count + 1)
        assert follower.seqs == list(range(2, count + 2))
        assert (follower.gaps, follower.resyncs) == (0, [])


async def test_two_processes_that_write_one_company_share_one_order(desk: Desk, caller: Caller, tmp_path: Path) -> None:
    async with open_hub(desk.hub.settings, desk.uri) as other:

        async def write(hub: object) -> None:
            for n in range(40):
                await send_message(hub, caller, inbound(desk, f"{n}"))  # type: ignore[arg-type]

        await asyncio.gather(*(write(hub) for hub in (desk.hub, other) for _ in range(4)))
    assert await seqs_in_log(desk) == list(range(1, 322))
    _, answer = await desk.ask("GET", "/conversations")
    assert answer["data"][0]["message_count"] == 320, "no decision was made on what was not the latest state"


async def test_a_listener_hears_what_another_process_commits(desk: Desk, caller: Caller) -> None:
    follower = Follower(desk.base, {"token": desk.token}, desk.http)
    await follower.connect()
    async with open_hub(desk.hub.settings, desk.uri) as other:
        sent = await send_message(other, caller, inbound(desk))
    await follower.reach(sent.message["seq"])
    assert follower.seqs == [sent.message["seq"]]


async def test_the_same_key_ten_times_at_once_over_both_doors_is_one_message(desk: Desk) -> None:
    first = await desk.receive()
    listener = await desk.listen()
    body = {"conversation_id": first["conversation_id"], "content": "On its way!", "client_message_id": "c1"}
    rest = {**body, "role": "operator"}
    token = {"Authorization": f"Bearer {desk.token}"}
    answers = await asyncio.gather(
        *(desk.ask("POST", "/messages", rest, key="", headers=token) for _ in range(5)),
        *(listener.call("message:send", body) for _ in range(5)),
    )
    said = [(a[1]["data"]["id"], a[1]["data"]["seq"]) for a in answers[:5]]
    said += [(a["data"]["id"], a["data"]["seq"]) for a in answers[5:]]
    assert len(set(said)) == 1
    status, refused = await desk.ask("POST", "/messages", {**rest, "content": "Other"}, key="", headers=token)
    assert (status, refused["error"]["code"]) == (409, "idempotency_conflict")
    assert [e["message"]["content"] for e in listener.events if e["type"] == "message:new"] == ["On its way!"]


async def test_a_write_that_the_database_refuses_harms_no_other_of_its_batch(desk: Desk, caller: Caller) -> None:
    channel = await desk.hub.store.channels.all_of(desk.company.id)
    first = inbound(desk, external_message_id="ext-1", client_message_id="a", channel_id=ChannelId(channel[0].id))
    await send_message(desk.hub, caller, first)
    clash = inbound(desk, "Same id", external_message_id="ext-1", client_message_id="b")
    answers = await asyncio.gather(
        *(send_message(desk.hub, caller, inbound(desk, f"{n}")) for n in range(5)),
        send_message(desk.hub, caller, clash),
        *(send_message(desk.hub, caller, inbound(desk, f"{n}")) for n in range(5)),
        return_exceptions=True,
    )
    assert [isinstance(answer, Duplicate) for answer in answers] == [False] * 5 + [True] + [False] * 5
    assert await seqs_in_log(desk) == list(range(1, 13))


async def test_a_full_lane_says_busy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MOST_WAITING", 3)
    caller = await caller_with_key(desk.hub, desk.key)
    answers = await asyncio.gather(
        *(send_message(desk.hub, caller, inbound(desk, f"{n}")) for n in range(40)), return_exceptions=True
    )
    assert any(isinstance(answer, Busy) for answer in answers)
    stored = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert await seqs_in_log(desk) == list(range(1, 2 + len(stored)))


async def test_an_unencodable_change_is_found_and_the_others_are_stored(desk: Desk, caller: Caller) -> None:
    def decide(seen: Seen, now: object) -> Decision:
        contact = seen.get(Contact.ref(desk.contact_id))
        assert contact is not None
        huge = Contact(**{**contact.__dict__, "id": desk.hub.new_id(), "seq": 0, "phone": 2**70})
        return Decision(puts=(huge,), events=(ContactUpdated(contact=contact),))

    broken = Change(company_id=desk.company.id, key="broken", decide=decide)
    answers = await asyncio.gather(
        *(send_message(desk.hub, caller, inbound(desk, f"{n}")) for n in range(3)),
        desk.hub.journal.commit(broken),
        return_exceptions=True,
    )
    assert [isinstance(answer, Refusal) for answer in answers] == [False, False, False, True]
    assert await seqs_in_log(desk) == list(range(1, 5))


async def test_a_paused_database_answers_unknown_and_the_retry_finds_out(tmp_path: Path) -> None:
    async with temporary_mongo() as uri, open_desk(uri, tmp_path, MONGO_SOCKET_TIMEOUT="2s") as desk:
        caller = await caller_with_key(desk.hub, desk.key)
        draft = inbound(desk, client_message_id="once")
        await desk.receive("warm")
        with paused_mongod(uri):
            with pytest.raises((OutcomeUnknown, Unavailable)) as refused:
                await send_message(desk.hub, caller, draft)
            assert refused.value.retryable
        sent = await until_stored(desk, caller, draft)
        assert sent["seq"] == 3
        assert await seqs_in_log(desk) == [1, 2, 3]


class paused_mongod:  # noqa: N801 — it reads as a verb where it is used
    """Stop the database's process for a while, as a full disk or a paused machine does."""

    def __init__(self, uri: str) -> None:
        self.pid = mongod_on(int(uri.rsplit(":", 1)[1].split("/", 1)[0]))

    def __enter__(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGCONT)


async def until_stored(desk: Desk, caller: Caller, draft: Draft) -> dict[str, object]:
    """Try again with the same key until it is stored."""

    async def stored() -> dict[str, object] | None:
        with suppress(OutcomeUnknown, Unavailable):
            return (await send_message(desk.hub, caller, draft)).message
        return None

    found = await until(stored, within=30)
    assert found is not None
    return found


async def test_stopping_finishes_what_waits_and_takes_nothing_new(desk: Desk, caller: Caller) -> None:
    async with open_hub(desk.hub.settings, desk.uri) as other:
        await send_message(other, caller, inbound(desk, "first"))  # so that the others need to look nothing up
        waiting = [asyncio.ensure_future(send_message(other, caller, inbound(desk, f"{n}"))) for n in range(300)]
        await until(lambda: sum(len(lane.waiting) + len(lane.begun) for lane in other.journal._lanes.values()) == 300)
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert not [each for each in done if isinstance(each, BaseException)], "all of it waited in the lane already"
    assert await seqs_in_log(desk) == list(range(1, 303))
