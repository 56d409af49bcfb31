"""What the journal does when the database is not as it left it."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from app.access import caller_with_key
from app.actions.new_epoch import new_epoch
from app.actions.send_message import send_message
from app.errors import IdempotencyConflict, Internal, OutcomeUnknown, Refusal
from app.journal import lane as lane_module
from app.journal.change import Change, Decision, Recorded, Seen
from app.journal.feed import MOST_AHEAD, Feed
from app.journal.journal import Journal
from app.journal.log import Log
from app.main import open_hub
from app.models.caller import Caller
from app.models.company import Stream
from app.models.contact import Contact
from app.models.entity import CompanyId, ContactId
from app.stores.codec import new_id, object_id
from app.stores.database import stores_in
from app.stores.log import place
from tests.desk import Desk
from tests.journal.test_journal import inbound, seqs_in_log
from tests.journal.test_sizes import named
from tests.waiting import until


@pytest.fixture
async def caller(desk: Desk) -> Caller:
    return await caller_with_key(desk.hub, desk.key)


async def test_a_restore_beside_a_live_writer_is_noticed_though_the_turn_comes_round_again(
    desk: Desk, caller: Caller
) -> None:
    streams = desk.hub.store.streams.collection
    backup = await streams.find_one({"_id": object_id(desk.company.id)})
    assert backup is not None
    for n in range(3):
        await send_message(desk.hub, caller, inbound(desk, f"lost {n}"))
    lost = await streams.find_one({"_id": object_id(desk.company.id)})
    assert lost is not None
    for name in ("events", "messages", "conversations"):
        await desk.hub.store.database[name].delete_many({"seq": {"$gt": backup["head"]}})
    await streams.replace_one({"_id": backup["_id"]}, backup)
    await new_epoch(desk.hub, desk.company.id)
    async with open_hub(desk.hub.settings, desk.uri) as other:
        while (await streams.find_one({"_id": backup["_id"]}) or {})["turn"] < lost["turn"]:
            await send_message(other, caller, inbound(desk, "after the restore"))
    await send_message(desk.hub, caller, inbound(desk, "from the one that remembers"))
    seqs = await seqs_in_log(desk)
    assert seqs == list(range(1, len(seqs) + 1))
    _, answer = await desk.ask("GET", "/conversations")
    assert answer["data"][0]["message_count"] == len(seqs) - backup["head"]


async def test_a_turn_of_before_a_restore_is_not_taken_for_the_one_after_it(desk: Desk, caller: Caller) -> None:
    kept = (await send_message(desk.hub, caller, inbound(desk, "kept"))).message
    backup = {name: await documents(desk, name) for name in ("streams", "conversations", "messages", "events")}
    await send_message(desk.hub, caller, inbound(desk, "lost, but remembered as the latest turn"))
    for name, before in backup.items():
        await desk.hub.store.database[name].delete_many({})
        await desk.hub.store.database[name].insert_many(before)
    await new_epoch(desk.hub, desk.company.id)  # takes the very turn that was lost
    after = (await send_message(desk.hub, caller, inbound(desk, "after"))).message
    assert after["seq"] == kept["seq"] + 1
    _, answer = await desk.ask("GET", "/conversations")
    assert answer["data"][0]["message_count"] == 2


async def documents(desk: Desk, name: str) -> list[dict[str, object]]:
    return await desk.hub.store.database[name].find().to_list()


class Listener(CommandListener):
    """The write concern of each commit that the driver sends."""

    def __init__(self) -> None:
        self.commits: list[dict[str, object]] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "commitTransaction":
            self.commits.append(dict(event.command["writeConcern"]))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


async def test_a_commit_waits_for_a_majority_and_for_its_journals(desk: Desk) -> None:
    listener = Listener()
    async with AsyncMongoClient[dict[str, Any]](desk.uri, event_listeners=[listener], tz_aware=True) as client:
        journal = Journal(stores_in(client, desk.hub.settings.database), desk.hub.now)
        await journal.start()
        await journal.commit(named(desk, 1))
        await journal.close()
    assert listener.commits == [{"w": "majority", "j": True}]


async def test_a_log_beyond_its_head_is_refused_at_once_and_a_new_epoch_mends_it(desk: Desk, caller: Caller) -> None:
    stray = {"_id": place(desk.company.id, 2), "company_id": object_id(desk.company.id), "seq": 2, "type": "x"}
    await desk.hub.store.events.collection.insert_one({**stray, "at": desk.hub.now(), "body": '{"type":"x"}'})
    with pytest.raises(Internal):
        await asyncio.wait_for(send_message(desk.hub, caller, inbound(desk)), 3)
    await new_epoch(desk.hub, desk.company.id)
    assert (await send_message(desk.hub, caller, inbound(desk))).message["seq"] == 3


async def test_a_document_that_cannot_be_read_costs_its_own_callers_and_no_other(desk: Desk, caller: Caller) -> None:
    first = await send_message(desk.hub, caller, inbound(desk))
    id = object_id(first.message["conversation_id"])
    conversations = desk.hub.store.conversations.collection
    whole = await conversations.find_one_and_update({"_id": id}, {"$set": {"last_message": "oops"}})
    assert whole is not None
    async with open_hub(desk.hub.settings, desk.uri) as other:
        for _ in range(10):  # more often than there are workers
            with pytest.raises(OutcomeUnknown):
                await send_message(other, caller, inbound(desk))
        await conversations.replace_one({"_id": id}, whole)
        assert (await send_message(other, caller, inbound(desk))).message["seq"] == 3


async def test_a_decision_that_cannot_be_written_down_takes_no_seq(desk: Desk, caller: Caller) -> None:
    class Unsayable:
        """An event whose payload is no JSON."""

        type = "x"
        conversation_id = None

        def payload(self) -> dict[str, object]:
            return {"set": {1}}

    def decide(seen: Seen, now: object) -> Decision:
        return Decision(events=(Unsayable(),))  # type: ignore[arg-type]

    answers = await asyncio.gather(
        desk.hub.journal.commit(Change(company_id=desk.company.id, key="u", decide=decide)),
        send_message(desk.hub, caller, inbound(desk)),
        return_exceptions=True,
    )
    assert isinstance(answers[0], Refusal)
    assert await seqs_in_log(desk) == [1, 2]


def event(company_id: CompanyId, seq: int) -> Recorded:
    from datetime import UTC, datetime

    return Recorded(company_id, seq, "x", None, datetime.now(UTC), b'{"type":"x"}')


class Kept(Log):
    """A log that is a list."""

    def __init__(self, events: Sequence[Recorded] = ()) -> None:
        self.events = events
        self.asked = 0

    async def after(self, since: int, until: int, conversation_id: str | None = None) -> list[Recorded]:
        self.asked += 1
        return [each for each in self.events if since < each.seq <= until]


async def test_what_came_too_early_is_not_kept_once_it_was_heard() -> None:
    company = CompanyId(new_id())
    log = [event(company, seq) for seq in range(1, 400)]
    feed, heard = Feed(Stream(id=company, epoch=str(uuid4())), Kept(log)), list[int]()
    feed.listeners.append(lambda each: heard.append(each.seq))
    for seq in range(2, 400, 2):
        feed.offer([log[seq - 1]])
    await until(lambda: feed.position == 398)
    assert heard == list(range(1, 399))
    assert feed._ahead == {}


async def test_waiting_for_what_is_not_in_the_log_ends() -> None:
    log = Kept()
    feed = Feed(Stream(id=CompanyId(new_id()), epoch=str(uuid4())), log)
    await asyncio.wait_for(feed.reached(10), 2)
    assert log.asked <= 2


async def test_what_comes_far_too_early_is_bounded_and_forgotten() -> None:
    stream = Stream(id=CompanyId(new_id()), epoch=str(uuid4()))
    feed = Feed(stream, Kept())
    feed.offer([event(stream.id, seq) for seq in range(2, 3 * MOST_AHEAD)])
    assert len(feed._ahead) == MOST_AHEAD
    feed.offer([event(stream.id, 10**9)])
    feed._ahead[10**9] = event(stream.id, 10**9)
    feed.poll(stream)
    assert max(feed._ahead) < 10**9
    assert feed._target == 0


async def test_a_try_that_fell_over_after_its_caller_left_is_not_believed(desk: Desk, caller: Caller) -> None:
    await send_message(desk.hub, caller, inbound(desk, "one"))
    contact = Contact.ref(ContactId(desk.contact_id))
    assert desk.hub.journal.recall(desk.company.id, contact)[0]

    def fall(point: str) -> None:
        desk.hub.journal.probe = lambda _: None
        leaver.cancel()
        raise RuntimeError("somebody's mistake")

    desk.hub.journal.probe = fall
    leaver = asyncio.create_task(send_message(desk.hub, caller, inbound(desk, "two")))
    with pytest.raises(asyncio.CancelledError):
        await leaver
    await until(lambda: not desk.hub.journal.recall(desk.company.id, contact)[0])
    await send_message(desk.hub, caller, inbound(desk, "three"))
    assert await seqs_in_log(desk) == [1, 2, 3]


async def test_a_connection_that_is_lost_before_its_commit_is_sent_costs_nobody_anything(
    desk: Desk, caller: Caller
) -> None:
    lost = [AutoReconnect("the connection is gone")]

    def cut(point: str) -> None:
        if lost:
            raise lost.pop()

    desk.hub.journal.probe = cut
    assert not (await send_message(desk.hub, caller, inbound(desk, "one"))).replayed
    assert not lost
    assert await seqs_in_log(desk) == [1, 2]


async def test_who_comes_again_during_a_slow_commit_is_answered_with_it(
    desk: Desk, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "PATIENCE", -1.0)  # every commit counts as slow
    monkeypatch.setattr(lane_module, "MOST_CHANGES", 1)  # and the others wait behind the first
    before = await desk.hub.store.streams.get(desk.company.id)
    same = inbound(desk, "again", client_message_id="again")
    other = inbound(desk, "something else", client_message_id="again")
    tries = (send_message(desk.hub, caller, draft) for draft in (*[same] * 12, other))
    *answers, conflict = await asyncio.gather(*tries, return_exceptions=True)
    assert len({each.message["id"] for each in answers if not isinstance(each, BaseException)}) == 1
    assert sorted(not isinstance(each, BaseException) and each.replayed for each in answers) == [False, *[True] * 11]
    assert isinstance(conflict, IdempotencyConflict)
    after = await desk.hub.store.streams.get(desk.company.id)
    assert before is not None
    assert after is not None
    assert after.turn - before.turn < 12
