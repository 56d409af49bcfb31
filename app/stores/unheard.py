"""What platforms told that we did not understand, as it came: so that it can be looked at, and learned."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

import orjson
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from app.stores.codec import Document

KEPT = 30 * 86_400  # seconds
MOST_RAW = 64 << 10  # characters of one thing


class Unheard:
    """`unheard`: one document each, for thirty days; to count them is to count the documents of a kind."""

    name: ClassVar[str] = "unheard"
    indexes = (
        IndexModel([("at", ASCENDING)], name="expiry", expireAfterSeconds=KEPT),
        IndexModel([("platform", ASCENDING), ("kind", ASCENDING)], name="kind"),
    )

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)

    async def keep(self, platform: str, told: Sequence[tuple[str, Any]], at: datetime) -> None:
        """Keep raw payloads with their kinds. As text: what others send may have keys that a document cannot."""
        documents = [
            {"platform": platform, "kind": kind[:200], "raw": orjson.dumps(raw).decode()[:MOST_RAW], "at": at}
            for kind, raw in told
        ]
        await self.collection.insert_many(documents, ordered=False)

    async def counts(self) -> dict[str, int]:
        """Return how many there are of each `platform kind`."""
        groups = await self.collection.aggregate(
            [{"$group": {"_id": {"platform": "$platform", "kind": "$kind"}, "count": {"$sum": 1}}}]
        )
        return {f"{g['_id']['platform']} {g['_id']['kind']}": g["count"] for g in await groups.to_list()}
