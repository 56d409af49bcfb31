"""A company on a server whose platforms are the fake ones."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest_asyncio

from app.events import ChannelUpdated
from app.hub import Hub, Renewals
from app.journal.change import Change, Decision, Seen
from app.models.channel import Channel, Health
from app.models.contact import Platform
from app.models.entity import ChannelId
from app.outside.doorbell import Doorbell
from tests.desk import Desk, open_desk
from tests.fake_platforms import FakePlatforms, serving_platforms


@dataclass
class Scene:
    """A desk, and the platforms that it speaks to."""

    desk: Desk
    fake: FakePlatforms

    @property
    def hub(self) -> Hub:
        return self.desk.hub

    def another_process(self) -> Hub:
        """Return a hub that shares nothing with ours but the database."""
        return replace(self.hub, doorbell=Doorbell(None, "", uuid4().hex), renewals=Renewals())

    async def tell(self, what: str, **order: Any) -> None:
        """Tell the platforms what shall happen."""
        async with self.desk.http.post(f"{self.fake.base}/__fake__/{what}", json=order) as response:
            assert response.status == 200

    async def refresh_calls(self) -> int:
        """Return how often a token was asked to be exchanged."""
        async with self.desk.http.get(f"{self.fake.base}/__fake__/stats") as response:
            return int((await response.json())["refresh_calls"])

    async def connect(
        self,
        platform: Platform = Platform.FACEBOOK,
        *,
        expires_at: datetime | None = None,
        health: Health = Health.HEALTHY,
        **secrets: str,
    ) -> Channel:
        """Connect a channel with these secrets."""
        id = ChannelId(self.hub.new_id())
        channel = Channel(
            id=id,
            company_id=self.desk.company.id,
            platform=platform,
            name="Main",
            external_id=f"PAGE{id}",
            main=False,
            health=health,
            sealed=self.hub.vault.seal(id, secrets),
            expires_at=expires_at,
            created_at=self.hub.now(),
        )
        return await self.put(channel)

    async def put(self, channel: Channel) -> Channel:
        """Store a channel as it is given, and say so."""

        def decide(seen: Seen, now: datetime) -> Decision:
            return Decision(puts=(channel,), events=(ChannelUpdated(channel=channel),))

        change = Change(company_id=channel.company_id, key=f"test:{self.hub.new_id()}", decide=decide)
        await self.hub.journal.commit(change)
        return await self.stored(channel)

    async def stored(self, channel: Channel) -> Channel:
        """Return a channel as it is now."""
        found = await self.hub.store.channels.get(channel.company_id, channel.id)
        assert found is not None
        return found

    def secrets(self, channel: Channel) -> dict[str, str]:
        """Return a channel's secrets in the clear."""
        assert channel.sealed is not None
        return self.hub.vault.open(channel.id, channel.sealed)

    async def said_of(self, channel: Channel) -> list[dict[str, Any]]:
        """Return what was said of a channel since it was connected, oldest first."""
        page = await self.desk.changes(channel.seq)
        events = [event for event in page["events"] if event["type"] == "channel:updated"]
        return [event["channel"] for event in events if event["channel"]["id"] == channel.id]


@pytest_asyncio.fixture
async def scene(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with serving_platforms() as fake:
        settings = {
            "GRAPH_BASE_URL": fake.base,
            "IG_GRAPH_BASE_URL": fake.base,
            "FACEBOOK_APP_ID": "app",
            "FACEBOOK_APP_SECRET": fake.app_secret,
            "META_VERIFY_TOKEN": "verify",
        }
        async with open_desk(mongo_uri, tmp_path, **settings) as desk:
            yield Scene(desk, fake)
