"""Whose access ended or changed lately: for processes that did not hear it rung."""

from typing import ClassVar

from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from app.stores.codec import Document

KEPT = 60.0  # seconds for which a note can be read; who looks every few seconds misses none


class Endings:
    """`endings`: a row a person, key or sign-in, with the database's time at which it was last noted."""

    name: ClassVar[str] = "endings"
    indexes = (IndexModel([("at", ASCENDING)], name="expiry", expireAfterSeconds=int(KEPT)),)

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)

    async def note(self, subject: str) -> None:
        """Note that the access of this subject is not what it was."""
        await self.collection.update_one({"_id": subject}, [{"$set": {"at": "$$NOW"}}], upsert=True)

    async def lately(self) -> set[str]:
        """Return the subjects that were noted in the last minute."""
        since = {"$subtract": ["$$NOW", int(KEPT * 1000)]}
        return {str(row["_id"]) async for row in self.collection.find({"$expr": {"$gt": ["$at", since]}})}
