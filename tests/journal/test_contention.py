"""Several processes on one company: one order, everything once, and everybody gets a turn."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access import caller_with_key
from app.actions.send_message import send_message
from app.hub import Hub
from app.journal import sharing as sharing_module
from app.journal.sharing import STINT, Sharing
from app.main import open_hub
from app.models.caller import Caller
from app.models.company import Stream
from app.models.entity import CompanyId
from app.stores.codec import new_id
from tests.desk import Desk
from tests.journal.crowd import COMMON, OWN, keys_of
from tests.journal.test_dead_writers import armed_writer, log_of
from tests.journal.test_journal import inbound

NAMES = ("one", "two", "three")
COMPANY = CompanyId(new_id())


async def crowd_of(desk: Desk, name: str, folder: Path) -> dict[str, int]:
    """Run one process of the crowd; return where its messages went."""
    where = (desk.uri, desk.company.id, desk.contact_id, name, str(folder))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.journal.crowd", *where, stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 90)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    seqs: dict[str, int] = json.loads(said)
    return seqs


async def test_three_processes_and_one_that_is_killed_share_one_order_and_store_everything_once(
    desk: Desk, tmp_path: Path
) -> None:
    async with armed_writer(desk, tmp_path, "SIGKILL") as killed:
        told = await asyncio.gather(*(crowd_of(desk, name, tmp_path) for name in NAMES))
        await asyncio.wait_for(killed.wait(), 20)
    for name, seqs in zip(NAMES, told, strict=True):
        assert seqs.keys() == set(keys_of(name))
    places = {(key, seq) for seqs in told for key, seq in seqs.items()}
    assert len(places) == len(NAMES) * OWN + COMMON, "each key has one seq, whoever asked for it"
    assert len({seq for _, seq in places}) == len(places)
    log = await log_of(desk)
    assert log == list(range(1, len(log) + 1))
    stored = await desk.hub.store.messages.collection.count_documents({"content": {"$in": [key for key, _ in places]}})
    assert stored == len(places)


@pytest.mark.parametrize("newcomer", ["first", "second"])
async def test_who_never_pauses_lets_the_other_one_in(desk: Desk, newcomer: str) -> None:
    caller = await caller_with_key(desk.hub, desk.key)
    async with open_hub(desk.hub.settings, desk.uri) as second:
        hubs = {"first": desk.hub, "second": second}
        other = hubs.pop(newcomer)
        (busy,) = hubs.values()
        done = asyncio.Event()
        async with asyncio.timeout(60), asyncio.TaskGroup() as writers:
            for _ in range(8):
                writers.create_task(until_told(busy, caller, desk, done))
            for n in range(50):
                await send_message(other, caller, inbound(desk, f"{n}"))
            done.set()
    seqs = await log_of(desk)
    assert seqs == list(range(1, len(seqs) + 1))


async def until_told(hub: Hub, caller: Caller, desk: Desk, done: asyncio.Event) -> None:
    """Write one message after the other."""
    while not done.is_set():
        await send_message(hub, caller, inbound(desk))


async def test_what_waits_for_its_turn_takes_along_what_came_meanwhile(desk: Desk) -> None:
    caller = await caller_with_key(desk.hub, desk.key)
    seq = (await send_message(desk.hub, caller, inbound(desk))).message["seq"]
    lane = desk.hub.journal._lanes[desk.company.id]
    async with desk.hub.store.client.start_session() as session, await session.start_transaction():
        assert await desk.hub.store.streams.lock(desk.company.id, session)
        waiting = [asyncio.ensure_future(send_message(desk.hub, caller, inbound(desk, "0")))]
        while not lane.sharing.is_shared:
            await asyncio.sleep(0.001)
        waiting += [asyncio.ensure_future(send_message(desk.hub, caller, inbound(desk, f"{n}"))) for n in (1, 2)]
        while len(lane.begun) < 3:
            await asyncio.sleep(0.001)
        await session.abort_transaction()
    sent = await asyncio.gather(*waiting)
    assert [each.message["seq"] for each in sent] == [seq + 1, seq + 2, seq + 3]


class Log:
    """A stream as others leave it, one look after the other; the last one stays."""

    def __init__(self, *seen: tuple[int, int]) -> None:
        self.seen: Iterator[tuple[int, int]] = iter(seen)
        self.last = (0, 0)
        self.looks = 0

    async def look(self) -> Stream:
        """Return what is next."""
        self.looks += 1
        self.last = next(self.seen, self.last)
        return Stream(id=COMPANY, epoch="e", turn=self.last[0], more=self.last[1])


def commit(sharing: Sharing, turn: int) -> int:
    """Commit a batch right after the one before; return what it said of those to follow."""
    sharing.begin()
    more = sharing.more()
    sharing.committed(turn, more, 0.001)
    return more


@pytest.fixture
def at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine so fast, or so slow, that a batch always follows at once."""
    monkeypatch.setattr(sharing_module, "GIVE_WAY", 3600.0)


@pytest.mark.usefixtures("at_work")
async def test_who_is_alone_announces_nothing_and_waits_for_nobody() -> None:
    log = Log()
    sharing = Sharing(log.look)
    for turn in range(3 * STINT):
        await sharing.give_way()
        assert commit(sharing, turn) == 0
    assert log.looks == 0


@pytest.mark.usefixtures("at_work")
async def test_who_met_another_counts_its_stint_down() -> None:
    sharing = Sharing(Log().look)
    commit(sharing, 1)
    sharing.met()
    assert [commit(sharing, turn) for turn in range(2, 2 + STINT)] == list(reversed(range(STINT)))


async def test_when_nobody_comes_any_more_the_company_is_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing_module, "STALL", 60.0)
    sharing = Sharing(Log((9, 0)).look)
    sharing.met()
    turn = 9
    while sharing.is_shared:
        sharing._is_busy = True
        sharing.committed(turn, 0, 0.001)
        await sharing.give_way()
        assert turn <= 9 + sharing_module.AWAY
        sharing.look = Log((turn := turn + 1, 0)).look
    assert sharing.more() == 0


async def test_who_waits_begins_when_the_others_stint_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing_module, "STALL", 60.0)
    monkeypatch.setattr(sharing_module, "LONGEST", 60.0)
    log = Log((5, 0), (6, 2), (6, 2), (7, 1), (8, 0))
    sharing = Sharing(log.look)
    sharing.committed(5, 0, 0.001)
    sharing.met()
    await asyncio.wait_for(sharing.until_free(), 30)
    assert log.last == (8, 0)


async def test_who_does_not_move_is_not_waited_for() -> None:
    sharing = Sharing(Log((6, 3)).look)
    sharing.committed(5, 0, 0.001)
    sharing.met()
    await asyncio.wait_for(sharing.until_free(), 30)
