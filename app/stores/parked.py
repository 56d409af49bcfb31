"""What platforms told before we knew of what they spoke."""

from datetime import timedelta
from typing import ClassVar

from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from app.models.parked import Parked
from app.stores.codec import Document
from app.stores.entities import EntityStore, Question

KEPT = 3600  # seconds


class ParkedStore(EntityStore[Parked]):
    """`receipts`: by channel and the platform's id; each goes an hour after it came."""

    kind = Parked
    name: ClassVar[str] = "receipts"
    questions: ClassVar[dict[str, Question]] = {"id": ("_id", str, "_id_")}
    indexes = (
        IndexModel([("at", ASCENDING)], name="expiry", expireAfterSeconds=KEPT),
        IndexModel(
            [("at", ASCENDING), ("_id", ASCENDING)],
            name="kept_aside",
            partialFilterExpression={"echo": {"$exists": True}},
        ),
    )


class EarlyEchoes:
    """What a job looks for among the echoes of all companies that were kept aside."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.store = ParkedStore(database)

    async def waiting(self, age: timedelta, limit: int, *, after: Parked | None = None) -> list[Parked]:
        """Return those that have waited for so long for one of our messages to claim them, the oldest first.

        The database says for how long: what is adopted too early shows twice.
        """
        past = {"$subtract": ["$$NOW", int(age.total_seconds() * 1000)]}
        where: Document = {"echo": {"$exists": True}, "$expr": {"$lte": ["$at", past]}}
        if after is not None:
            where["$or"] = [{"at": {"$gt": after.at}}, {"at": after.at, "_id": {"$gt": after.id}}]
        found = self.store.collection.find(where).sort([("at", ASCENDING), ("_id", ASCENDING)]).limit(limit)
        return [self.store.codec.from_document(document) for document in await found.to_list()]
