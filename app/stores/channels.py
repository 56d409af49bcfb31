"""Connected accounts."""

from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from app.models.channel import Channel
from app.models.entity import CompanyId
from app.stores.codec import Document
from app.stores.entities import EntityStore, Question, id_filter


def _main_of(platform: str) -> Document:
    return {"platform": str(platform), "main": True}


class Channels(EntityStore[Channel]):
    """`channels`: one account of a platform belongs to one company."""

    kind = Channel
    name: ClassVar[str] = "channels"
    questions: ClassVar[dict[str, Question]] = {"id": id_filter, "main": _main_of}
    indexes = (
        IndexModel([("company_id", ASCENDING), ("platform", ASCENDING)], name="by_platform"),
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

    async def all_of(self, company_id: CompanyId) -> list[Channel]:
        """Return the company's channels, newest first."""
        return await self.page(company_id, {}, by="seq", before=None, limit=200)
