"""Connected accounts."""

from operator import itemgetter
from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from app.models.channel import Channel
from app.models.contact import Platform
from app.models.entity import CompanyId
from app.stores.codec import Document, object_id
from app.stores.entities import BY_ID, EntityStore, Question

CONNECTED: Document = {"disconnected_at": {"$exists": False}}
MOST = 200  # channels of one platform that are looked through


class Channels(EntityStore[Channel]):
    """`channels`: one account of a platform belongs to one company."""

    kind = Channel
    name: ClassVar[str] = "channels"
    questions: ClassVar[dict[str, Question]] = {
        "id": BY_ID,
        "main": ("main_of", str, "main"),
        "former": ("former_external_id", itemgetter(1), "former"),
    }
    indexes = (
        IndexModel([("company_id", ASCENDING), ("platform", ASCENDING)], name="by_platform"),
        IndexModel(
            [("company_id", ASCENDING), ("main_of", ASCENDING)],
            name="main",
            unique=True,
            partialFilterExpression={"main_of": {"$exists": True}},
        ),
        IndexModel(
            [("company_id", ASCENDING), ("former_external_id", ASCENDING)],
            name="former",
            partialFilterExpression={"former_external_id": {"$exists": True}},
        ),
        IndexModel(
            [("platform", ASCENDING), ("external_id", ASCENDING)],
            name="account",
            unique=True,
            partialFilterExpression={"external_id": {"$exists": True}},
        ),
        IndexModel(
            [("expires_at", ASCENDING)], name="expiring", partialFilterExpression={"expires_at": {"$exists": True}}
        ),
    )

    def extra(self, channel: Channel) -> Document:
        """Index the channel that a platform's messages go to when none is named."""
        return {"main_of": channel.platform.value} if channel.main and channel.is_connected else {}

    async def all_of(self, company_id: CompanyId) -> list[Channel]:
        """Return the company's channels, newest first."""
        return await self.page(company_id, {}, by="seq", before=None, limit=200)

    async def connected(self, company_id: CompanyId, *, before: int | None, limit: int) -> list[Channel]:
        """Return a page of what the company has connected, newest first."""
        return await self.page(company_id, CONNECTED, by="seq", before=before, limit=limit)

    async def count_connected(self, company_id: CompanyId) -> int:
        """Return how many accounts the company has connected."""
        return await self.collection.count_documents({"company_id": object_id(company_id), **CONNECTED})

    async def of_platform(self, company_id: CompanyId, platform: Platform) -> list[Channel]:
        """Return the company's connected channels of a platform, oldest first."""
        where = {"company_id": object_id(company_id), "platform": platform.value, **CONNECTED}
        found = self.collection.find(where).sort("_id", ASCENDING).limit(MOST)
        return [self.codec.from_document(document) for document in await found.to_list()]

    async def with_account(self, company_id: CompanyId, platform: Platform, external_id: str) -> Channel | None:
        """Return the company's own channel of an account."""
        where = {"company_id": object_id(company_id), "platform": platform.value, "external_id": external_id}
        found = await self.collection.find_one(where)
        return self.codec.from_document(found) if found else None
