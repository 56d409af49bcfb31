"""What is looked for among the channels of all companies: credentials that need care, accounts that webhooks name."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from app.models.channel import Channel, Health
from app.models.contact import Platform
from app.models.entity import ChannelId
from app.stores.channels import Channels
from app.stores.codec import Document, object_id
from app.stores.together import Together

CONNECTED: Document = {"disconnected_at": {"$exists": False}}


class Credentials:
    """`channels`, read a page at a time in the order of their ids; that store has their indexes."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.channels = Channels(database)
        self.collection = self.channels.collection
        self._by_id = Together(self._with_ids)

    async def with_account(self, platform: Platform, external_id: str) -> Channel | None:
        """Return the channel of an account, whichever company's it is."""
        return await self._one({"platform": platform.value, "external_id": external_id})

    async def with_id(self, channel_id: ChannelId) -> Channel | None:
        """Return a channel, whichever company's it is. Strangers may ask for any, so many are asked for together."""
        return await self._by_id.get(channel_id)

    async def _with_ids(self, ids: list[ChannelId]) -> dict[ChannelId, Channel]:
        where = {"_id": {"$in": [object_id(each) for each in ids]}, **CONNECTED}
        found = await self.collection.find(where).to_list()
        return {channel.id: channel for channel in map(self.channels.codec.from_document, found)}

    async def _one(self, where: Document) -> Channel | None:
        found = await self.collection.find_one({**where, **CONNECTED})
        return self.channels.codec.from_document(found) if found else None

    async def expiring(self, before: datetime, *, after: ChannelId | None, limit: int) -> list[Channel]:
        """Return channels whose credentials run out before a time, without those that wait to be connected again."""
        return await self._page(
            {"expires_at": {"$lt": before}, "health": {"$ne": Health.NEEDS_REAUTH.value}}, after, limit
        )

    async def of_platforms(
        self, platforms: Iterable[Platform], *, after: ChannelId | None, limit: int
    ) -> list[Channel]:
        """Return channels of these platforms that have credentials."""
        return await self._page({"platform": {"$in": [each.value for each in platforms]}}, after, limit)

    async def counted(self) -> Counter[tuple[Platform, Health]]:
        """Count the connected channels of all companies by platform and health."""
        group = {"_id": {"platform": "$platform", "health": "$health"}, "count": {"$sum": 1}}
        rows = await self.collection.aggregate([{"$match": CONNECTED}, {"$group": group}])
        return Counter(
            {(Platform(row["_id"]["platform"]), Health(row["_id"]["health"])): int(row["count"]) async for row in rows}
        )

    async def _page(self, where: Document, after: ChannelId | None, limit: int) -> list[Channel]:
        query = {**where, "sealed": {"$exists": True}, **CONNECTED}
        if after is not None:
            query["_id"] = {"$gt": object_id(after)}
        found = self.collection.find(query).sort("_id", ASCENDING).limit(limit)
        return [self.channels.codec.from_document(document) for document in await found.to_list()]
