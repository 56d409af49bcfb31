"""A company with an account on every platform, and customers there who have just written."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.events import ChannelUpdated
from app.hub import Hub
from app.journal.change import Change, Decision
from app.models.channel import Channel
from app.models.contact import Contact, Platform
from app.models.entity import ChannelId, CompanyId
from tests.desk import Desk, open_desk
from tests.fake_platforms import FakePlatforms, serving_platforms
from tests.fake_platforms.state import Rule, Token, whatsapp_token
from tests.waiting import until

SECRETS = {
    Platform.FACEBOOK: {"access_token": "page-good"},
    Platform.INSTAGRAM: {"access_token": "instagram-good", "login": "instagram"},
    Platform.WHATSAPP: {"access_token": "whatsapp-good"},
    Platform.TELEGRAM: {"bot_token": "7:good", "secret_token": "s3cret"},
    Platform.SANDBOX: {},
}
ENDED = ("sent", "delivered", "read", "failed", "uncertain", "canceled")


@dataclass
class Shop:
    """A desk with channels; the platforms behind them are the fake ones."""

    desk: Desk
    fake: FakePlatforms
    channels: dict[Platform, ChannelId] = field(default_factory=dict)

    @property
    def as_person(self) -> dict[str, Any]:
        """Return what makes a request one of the signed-in owner, not of a key."""
        return {"headers": {"Authorization": f"Bearer {self.desk.token}"}, "key": ""}

    @property
    def hub(self) -> Hub:
        """Return what actions use."""
        return self.desk.hub

    async def connect(self, platform: Platform, **secrets: str) -> ChannelId:
        """Connect one account; its id on the platform is new for each."""
        id = await connect(self.hub, self.desk.company.id, platform, SECRETS[platform] | secrets)
        self.channels[platform] = id
        known = whatsapp_token(account_of(id)) if platform is Platform.WHATSAPP else Token(account=account_of(id))
        for token in {**SECRETS[platform], **secrets}.values():
            self.fake.state.tokens.setdefault(token, replace(known))
        return id

    def account(self, platform: Platform) -> str:
        """Return a channel's account as its platform knows it."""
        return account_of(self.channels[platform])

    async def emit(self, kind: str, platform: Platform, **order: Any) -> list[int]:
        """Let a platform tell something, and return the answers' statuses."""
        if platform is Platform.TELEGRAM:
            order |= {"target_url": f"{self.desk.base}/api/v1/webhooks/telegram/{self.channels[platform]}"}
            order.setdefault("secret_token", "s3cret")
        return await self.fake.webhooks.emit(
            {"kind": kind, "platform": platform.value, "account": self.account(platform), **order}
        )

    async def messages(self, contact_id: str) -> list[dict[str, Any]]:
        """Return what was said with a customer, oldest first."""
        _, answer = await self.desk.ask("GET", f"/messages?contact_id={contact_id}")
        found: list[dict[str, Any]] = answer["data"]
        return found[::-1]

    async def contacts(self, platform: Platform) -> list[dict[str, Any]]:
        """Return the customers of a platform, oldest first."""
        _, answer = await self.desk.ask("GET", f"/contacts?platform={platform.value}")
        found: list[dict[str, Any]] = answer["data"]
        return found[::-1]

    async def customer(self, platform: Platform, *, name: str = "Ann", heard: timedelta | None = timedelta()) -> str:
        """Return a customer of this platform's channel who wrote so long ago, as far as we know; None: never."""
        peer = f"{name}-{self.hub.new_id()[-6:]}"
        self.fake.state.last_in[peer] = time.time()
        identity = {"platform": platform, "channel_id": self.channels[platform], "external_id": peer}
        made = await self.desk.post("/contacts", {"name": name, "identities": [identity]})
        id: str = made["data"]["id"]
        if heard is not None:
            await self.heard(id, platform, self.hub.now() - heard)
        return id

    async def heard(self, contact_id: str, platform: Platform, at: datetime) -> None:
        """Let a customer have written at a time."""

        def decide(seen: Any, now: datetime) -> Decision:
            return Decision(puts=(seen.get(Contact.ref(contact_id)).heard(self.channels[platform], at),))

        await self.hub.journal.commit(
            Change(
                company_id=self.desk.company.id, key=self.hub.new_id(), decide=decide, needs=(Contact.ref(contact_id),)
            )
        )

    async def reply(
        self, contact_id: str, platform: Platform, content: str = "Hello", *, by_bot: bool = False, **more: Any
    ) -> dict[str, Any]:
        """Send a reply, of the owner or of a bot, and return it as it was answered."""
        body = {"contact_id": contact_id, "platform": platform, "role": "operator", "content": content, **more}
        answer = await self.desk.post("/messages", body, **({} if by_bot else self.as_person))
        data: dict[str, Any] = answer["data"]
        return data

    async def delivery(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return where a message stands."""
        _, answer = await self.desk.ask("GET", f"/messages/{message['id']}")
        delivery: dict[str, Any] = answer["data"]["delivery"]
        return delivery

    async def outcome(self, message: dict[str, Any], within: float = 15.0) -> dict[str, Any]:
        """Wait for a message's end and return its delivery."""

        async def ended() -> dict[str, Any] | None:
            delivery = await self.delivery(message)
            return delivery if delivery["state"] in ENDED else None

        found: dict[str, Any] = await until(ended, within=within)
        return found

    async def is_at_rest(self) -> bool:
        """Tell whether the outbox is empty."""
        return await self.hub.store.lanes.collection.count_documents({}) == 0

    def rule(self, action: dict[str, Any], **more: Any) -> None:
        """Tell the platforms what shall go wrong."""
        self.fake.state.rules.append(Rule(**{"match": {}, "action": action, **more}))

    def calls(self) -> int:
        """Return how often the platforms were asked to send."""
        return len(self.fake.state.sent)

    async def health(self, platform: Platform) -> tuple[str, str | None]:
        """Return how a channel is, and why."""
        channel = await self.hub.store.channels.get(self.desk.company.id, self.channels[platform])
        assert channel is not None
        return channel.health.value, channel.reason

    def texts(self) -> list[str]:
        """Return the texts that customers got, in order."""
        return [text_of(sent.body) for sent in self.fake.state.sent if sent.outcome.startswith("delivered")]


def turns() -> list["asyncio.Task[object]"]:
    """Return the turns of the outbox that are under way."""
    return [task for task in asyncio.all_tasks() if task.get_name() == "outbox-turn"]


def text_of(body: dict[str, Any]) -> str:
    """Return the text of a call, whichever platform's it is."""
    if "message" in body:
        return str(body["message"].get("text", ""))
    text = body.get("text", body.get("content", ""))
    return str(text["body"] if isinstance(text, dict) else text)


def account_of(channel_id: str) -> str:
    """Return the account that a channel of these tests stands for."""
    return f"account-{channel_id}"


async def connect(hub: Hub, company_id: CompanyId, platform: Platform, secrets: dict[str, str]) -> ChannelId:
    """Store a connected account."""
    id = ChannelId(hub.new_id())

    def decide(seen: Any, now: datetime) -> Decision:
        channel = Channel(
            id=id,
            company_id=company_id,
            platform=platform,
            name=platform.value,
            external_id=account_of(id),
            sealed=hub.vault.seal(id, secrets),
            main=seen.get(Channel.main_of(platform)) is None,
            created_at=now,
        )
        return Decision(puts=(channel,), events=(ChannelUpdated(channel=channel),))

    await hub.journal.commit(Change(company_id=company_id, key=hub.new_id(), decide=decide))
    return id


@asynccontextmanager
async def open_shop(
    mongo_uri: str, tmp_path: Path, *platforms: Platform, meta_bot: bool = False, **settings: str
) -> AsyncIterator[Shop]:
    """Serve a company with these accounts. A platform has a second to answer, unless told otherwise.

    With `meta_bot`, a bot server sends for Facebook and Instagram.
    """
    async with serving_platforms() as fake:
        given = {
            "FACEBOOK_APP_ID": "123",
            "FACEBOOK_APP_SECRET": fake.webhooks.app_secret,
            "META_VERIFY_TOKEN": "verify",
        }
        given |= dict.fromkeys(("GRAPH_BASE_URL", "IG_GRAPH_BASE_URL", "TELEGRAM_BASE_URL"), fake.base)
        given |= {"META_BOT_BASE_URL": fake.base} if meta_bot else {}
        given |= {"PLATFORM_TIMEOUT": "1s", **settings}
        async with open_desk(mongo_uri, tmp_path, **given) as desk:
            fake.webhooks.target = f"{desk.base}/api/v1/webhooks"
            shop = Shop(desk, fake)
            for platform in platforms:
                await shop.connect(platform)
            yield shop
