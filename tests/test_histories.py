"""Any history, cut anywhere, resumed anywhere, gives each client the same events; and a snapshot and events add up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.actions.found_company import found_company
from app.actions.receive_change import receive_change
from app.actions.receive_message import receive_message
from app.actions.record_receipt import record_receipt
from app.errors import Refusal
from app.journal import feeds
from app.main import build_app
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.conversation import Conversation
from app.models.delivery import DeliveryState
from app.platforms.heard import Reacted, Receipt, Rewrote, Said, Withdrew
from tests.delivery.shop import connect
from tests.desk import Desk, open_desk
from tests.follower import Follower
from tests.inbox import Inbox
from tests.waiting import until

PLATFORMS = ("web", "instagram", "telegram", "sandbox")
PICK = st.integers(0, 7)
SENT = ("Hello", "#content", "Hi", "#window", "#uncertain")

STEPS = st.one_of(
    st.tuples(st.just("contact"), PICK),
    st.tuples(st.just("rename"), PICK),
    st.tuples(st.just("receive"), PICK, st.sampled_from(PLATFORMS)),
    st.tuples(st.just("receive"), PICK, st.sampled_from(PLATFORMS)),
    st.tuples(st.just("reply"), PICK),
    st.tuples(st.just("edit"), PICK),
    st.tuples(st.just("delete"), PICK),
    st.tuples(st.just("read"), PICK, st.booleans()),
    st.tuples(st.just("read_all"), PICK),
    st.tuples(st.just("tick"), PICK),
    st.tuples(st.just("identify"), PICK),
    st.tuples(st.just("appoint"), PICK),
    st.tuples(st.just("status"), PICK, st.sampled_from(("open", "closed"))),
    st.tuples(st.just("hear"), PICK),
    st.tuples(st.just("hear"), PICK),
    st.tuples(st.just("change"), PICK),
    st.tuples(st.just("send"), PICK),
    st.tuples(st.just("send"), PICK),
    st.tuples(st.just("again"), PICK, st.sampled_from(("retry", "cancel"))),
    st.tuples(st.just("receipt"), PICK),
    st.tuples(st.just("cut"), PICK),
    st.tuples(st.just("resume"), PICK),
)


@dataclass
class Story:
    """A company whose history is being made: what exists so far, and two clients, one of which is cut now and then."""

    desk: Desk
    doors: list[str]
    steady: Follower
    shaky: Follower
    contacts: list[str] = field(default_factory=list)
    conversations: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    channel: Channel | None = None
    online: bool = True

    async def step(self, verb: str, pick: int, *more: Any) -> None:
        """Do one thing, at one of the doors; what cannot be done yet is skipped."""
        await getattr(self, f"_{verb}")(pick, *more)

    async def ask(self, pick: int, method: str, path: str, body: Any) -> dict[str, Any] | None:
        """Ask one of the servers."""
        door = replace(self.desk, base=self.doors[pick % len(self.doors)])
        status, answer = await door.ask(method, path, body)
        assert status < 300 or status == 409, answer
        return answer["data"] if status < 300 else None

    async def _contact(self, pick: int) -> None:
        made = await self.ask(pick, "POST", "/contacts", {"name": f"Customer {pick}"})
        assert made
        self.contacts.append(made["id"])

    async def _rename(self, pick: int) -> None:
        await self.ask(pick, "PATCH", f"/contacts/{self.contacts[pick % len(self.contacts)]}", {"name": f"Name {pick}"})

    async def _receive(self, pick: int, platform: str) -> None:
        who = {"contact_id": self.contacts[pick % len(self.contacts)], "platform": platform}
        body = {**who, "role": "user", "content": "?"}
        self._keep(await self.ask(pick, "POST", "/messages", body))

    async def _reply(self, pick: int) -> None:
        if self.conversations:
            body = {"conversation_id": self.conversations[pick % len(self.conversations)], "role": "operator"}
            self._keep(await self.ask(pick, "POST", "/messages", {**body, "content": "!"}))

    def _keep(self, message: dict[str, Any] | None) -> None:
        if message is not None:
            self.messages.append(message)
            if message["conversation_id"] not in self.conversations:
                self.conversations.append(message["conversation_id"])

    async def _edit(self, pick: int) -> None:
        if self.messages:
            id = self.messages[pick % len(self.messages)]["id"]
            await self.ask(pick, "PATCH", f"/messages/{id}", {"content": f"edited {pick}"})

    async def _delete(self, pick: int) -> None:
        if self.messages:
            await self.ask(pick, "DELETE", f"/messages/{self.messages[pick % len(self.messages)]['id']}", None)

    async def _read(self, pick: int, partly: bool) -> None:
        if self.messages:
            message = self.messages[pick % len(self.messages)]
            body = {"conversation_id": message["conversation_id"], **({"up_to_seq": message["seq"]} if partly else {})}
            await self.ask(pick, "PUT", "/messages/mark-read", body)

    async def _read_all(self, pick: int) -> None:
        await self.ask(pick, "PUT", "/messages/mark-read", {"contact_id": self.contacts[pick % len(self.contacts)]})

    async def _tick(self, pick: int) -> None:
        if self.messages:
            id = self.messages[pick % len(self.messages)]["id"]
            await self.ask(pick, "PATCH", f"/messages/{id}", {"read": True, "delivered": bool(pick % 2)})

    async def _identify(self, pick: int) -> None:
        identities = [{"platform": PLATFORMS[pick % len(PLATFORMS)], "external_id": f"known-{pick}"}]
        id = self.contacts[pick % len(self.contacts)]
        await self.ask(pick, "PATCH", f"/contacts/{id}", {"identities": identities})

    async def _appoint(self, pick: int) -> None:
        body = {"companyId": self.desk.company.id, "appointment": {"id": f"a-{pick}", "note": "ten o'clock"}}
        await self.ask(pick, "POST", "/internal/socket/appointment-created", body)

    async def _status(self, pick: int, status: str) -> None:
        if self.conversations:
            id = self.conversations[pick % len(self.conversations)]
            await self.ask(pick, "PATCH", f"/conversations/{id}", {"status": status})

    async def _hear(self, pick: int) -> None:
        """A customer writes on the sandbox's channel, as by a webhook."""
        said = Said(account="", peer=f"peer-{pick % 3}", id=f"in-{pick}", text="?", name=f"Peer {pick}")
        await receive_message(self.desk.hub, self._channel, said)

    async def _change(self, pick: int) -> None:
        about: dict[str, Any] = {"account": "", "peer": f"peer-{pick % 3}", "id": f"in-{pick}"}
        changes = (Rewrote(**about, text=f"!{pick}"), Withdrew(**about), Reacted(**about, emoji="👍"))
        await receive_change(self.desk.hub, self._channel, changes[pick % 3])

    async def _send(self, pick: int) -> None:
        """Reply to a customer of the sandbox, which does what the text says."""
        open_with = Conversation.open_with(self._channel.id, Platform.SANDBOX, f"peer-{pick % 3}")
        found = await self.desk.hub.store.conversations.load(self.desk.company.id, [open_with])
        if found:
            body = {"conversation_id": found[0].id, "role": "operator", "content": SENT[pick % len(SENT)]}
            self._keep(await self.ask(pick, "POST", "/messages", body))

    async def _again(self, pick: int, verb: str) -> None:
        if self.messages:
            id = self.messages[-1 - pick % len(self.messages)]["id"]
            await self.ask(pick, "POST", f"/messages/{id}/{verb}", None)

    async def _receipt(self, pick: int) -> None:
        state = (DeliveryState.DELIVERED, DeliveryState.READ)[pick % 2]
        receipt = Receipt(account="", peer=f"peer-{pick % 3}", state=state, up_to=self.desk.hub.now())
        await record_receipt(self.desk.hub, self._channel, receipt)

    @property
    def _channel(self) -> Channel:
        assert self.channel is not None
        return self.channel

    async def at_rest(self) -> bool:
        """Tell whether the outbox has nothing more to do."""
        rows = self.desk.hub.store.lanes.collection
        return await rows.count_documents({"company_id": ObjectId(self.desk.company.id)}) == 0

    async def _cut(self, pick: int) -> None:
        if self.online:
            await self.shaky.cut()
            self.online = False

    async def _resume(self, pick: int) -> None:
        if not self.online:
            await self.shaky.connect(self.doors[pick % len(self.doors)])
            self.online = True


@pytest_asyncio.fixture
async def two_doors(
    mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Desk, list[str]]]:
    """Two servers of one database, which hear of each other soon."""
    monkeypatch.setattr(feeds, "POLL", 0.02)
    monkeypatch.setattr(feeds, "IDLE", 0.5)
    async with open_desk(mongo_uri, tmp_path) as desk:
        runner = web.AppRunner(await build_app(desk.hub.settings, desk.uri), shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield desk, [desk.base, f"http://127.0.0.1:{runner.addresses[0][1]}"]
        await runner.cleanup()


async def story_of(desk: Desk, doors: list[str]) -> Story:
    """Found a company of its own for one history."""
    company = await found_company(desk.hub, "Story")
    own = Desk(desk.app, desk.base, desk.hub, company, desk.http)
    own.key = await own.new_key("*")
    steady, shaky = (Follower(desk.base, {"api_key": own.key}, desk.http) for _ in range(2))
    story = Story(own, doors, steady, shaky)
    await asyncio.gather(steady.connect(), shaky.connect(doors[1]))
    channel_id = await connect(desk.hub, company.id, Platform.SANDBOX, {})
    story.channel = await desk.hub.store.channels.get(company.id, channel_id)
    await story.step("contact", 0)
    return story


def without_prev(follower: Follower) -> list[dict[str, Any]]:
    return [{k: v for k, v in event.items() if k != "prev"} for event in follower.applied]


@given(steps=st.lists(STEPS, max_size=14), snapshot_at=st.integers(0, 14))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_history_cut_anywhere_is_the_same_for_everyone_and_adds_up(
    two_doors: tuple[Desk, list[str]], steps: list[tuple[Any, ...]], snapshot_at: int
) -> None:
    story = await story_of(*two_doors)
    inbox: Inbox | None = None
    for number, step in enumerate(steps):
        if number == snapshot_at:
            inbox = await Inbox.loaded(story.desk)
        await story.step(*step)
    await story.step("resume", len(steps))
    await until(story.at_rest, within=10)
    stream = await story.desk.hub.store.streams.get(story.desk.company.id)
    assert stream is not None
    head = stream.head
    await asyncio.gather(story.steady.reach(head), story.shaky.reach(head))
    assert story.steady.seqs == list(range(1, head + 1))
    assert without_prev(story.shaky) == without_prev(story.steady)
    assert story.steady.gaps + story.shaky.gaps + story.steady.dropped + story.shaky.dropped == 0
    inbox = inbox or Inbox()
    for event in story.steady.applied:
        inbox.apply(event)
    assert inbox.view() == (await Inbox.loaded(story.desk)).view()
    await asyncio.gather(story.steady.cut(), story.shaky.cut())


def test_refusals_are_told_apart_by_their_codes() -> None:
    codes = [kind.code for kind in every(Refusal)]
    assert len(set(codes)) == len(codes)


def every(kind: type[Refusal]) -> list[type[Refusal]]:
    """Return every refusal there is."""
    return [each for sub in kind.__subclasses__() for each in (sub, *every(sub))]
