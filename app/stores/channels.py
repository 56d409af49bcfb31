"""Connected accounts."""

from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from app.models.channel import Channel
from app.models.entity import CompanyId
from app.stores.codec import Document
from app.stores.entities import BY_ID, EntityStore, Question


class Channels(EntityStore[Channel]):
    """`channels`: one account of a platform belongs to one company."""

    kind = Channel
    name: ClassVar[str] = "channels"
    questions: ClassVar[dict[str, Question]] = {"id": BY_ID, "main": ("main_of", str, "main")}
    indexes = (
        IndexModel([("company_id", ASCENDING), ("platform", ASCENDING)], name="by_platform"),
        IndexModel(
            [("company_id", ASCENDING), ("main_of", ASCENDING)],
            name="main",
            unique=True,
            partialFilterExpression={"main_of": {"$exists": True}},
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
        return {"main_of": channel.platform.value} if channel.names() else {}

    async def all_of(self, company_id: CompanyId) -> list[Channel]:
        """Return the company's channels, newest first."""
        return await self.page(company_id, {}, by="seq", before=None, limit=200)
