"""Who alone may do something. Times are the database's own, so that every process means the same by "expired"."""

from collections.abc import Iterable
from typing import ClassVar

from pymongo import IndexModel, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from app.errors import Unavailable
from app.models.job import Lease, LeaseState, Ran
from app.stores.codec import Codec, Document

NOW = "$$NOW"
SET_BACK = 10.0  # seconds; by fewer the clocks of two primaries may differ, and a job that rests so long does no harm


class Leases:
    """`leases`: a row a name. A row that is made anew counts its fences from the time, so that none comes twice."""

    name: ClassVar[str] = "leases"
    indexes: ClassVar[tuple[IndexModel, ...]] = ()

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)
        self.codec = Codec(LeaseState)

    async def acquire(self, name: str, owner: str, seconds: float, *, rested: float = 0.0) -> Lease | None:
        """Take a lease that is free, expired or this owner's, if its last run began `rested` seconds ago or earlier."""
        fence = await self._take(name, owner, seconds, rested)
        if fence is None and await self._made(name):
            fence = await self._take(name, owner, seconds, rested)
        return Lease(name=name, owner=owner, fence=fence, seconds=seconds) if fence is not None else None

    async def renew(self, lease: Lease) -> bool:
        """Keep a lease for as long again; False when somebody else has taken it. Raises Unavailable."""
        try:
            done = await self.collection.update_one(_held(lease), [{"$set": {"until": _away(lease.seconds)}}])
        except PyMongoError:
            raise Unavailable from None
        return done.matched_count == 1

    async def release(self, lease: Lease, ran: Ran, every: float) -> bool:
        """Give a lease back with what became of the run; False when it was lost before, and nothing is noted."""
        noted: Document = {
            "last_run_at": "$taken_at",
            "last_outcome": ran.outcome.value,
            "last_error": {"$literal": ran.error},
            "next_run_at": {"$max": [NOW, {"$add": ["$taken_at", int(every * 1000)]}]},
            "runs": {"$add": ["$runs", 1]},
        }
        change: list[Document] = [{"$set": noted}, {"$unset": ["until", "owner"]}]
        return (await self.collection.update_one(_held(lease), change)).matched_count == 1

    async def drop(self, lease: Lease) -> None:
        """Give back a lease of which nothing is to be remembered."""
        await self.collection.delete_one(_held(lease))

    async def states(self, names: Iterable[str]) -> dict[str, LeaseState]:
        """Return how these leases stand."""
        shown: Document = {"running": {"$gt": ["$until", NOW]}}
        shown |= dict.fromkeys(("last_run_at", "last_outcome", "last_error", "next_run_at", "runs"), True)
        found = self.collection.find({"_id": {"$in": list(names)}}, shown)
        return {str(row["_id"]): self.codec.from_document(row) async for row in found}

    async def _take(self, name: str, owner: str, seconds: float, rested: float) -> int | None:
        # What no clock could have written by now is of before the database's was set back. Taken as it stands, a job
        # would rest, and a dead process hold its lease, for as long as the clock was ahead.
        is_free = [
            {"until": {"$exists": False}},
            {"owner": owner},
            {"$expr": {"$lte": ["$until", NOW]}},
            {"$expr": {"$gt": ["$until", _away(SET_BACK + seconds)]}},
        ]
        has_rested = [
            {"last_run_at": {"$exists": False}},
            {"$expr": {"$lte": ["$last_run_at", _away(-rested)]}},
            {"$expr": {"$gt": ["$last_run_at", _away(SET_BACK)]}},
        ]
        taken = {"owner": owner, "until": _away(seconds), "taken_at": NOW, "fence": {"$add": ["$fence", 1]}}
        found = await self.collection.find_one_and_update(
            {"_id": name, "$and": [{"$or": is_free}, {"$or": has_rested}]},
            [{"$set": taken}],
            return_document=ReturnDocument.AFTER,
        )
        return int(found["fence"]) if found else None

    async def _made(self, name: str) -> bool:
        """Make the row if there is none; tell whether there was none. An upsert may not ask `$expr`."""
        row = {"fence": {"$ifNull": ["$fence", {"$toLong": NOW}]}, "runs": {"$ifNull": ["$runs", 0]}}
        try:
            done = await self.collection.update_one({"_id": name}, [{"$set": row}], upsert=True)
        except DuplicateKeyError:  # another process made it in this moment
            return True
        return done.upserted_id is not None


def _held(lease: Lease) -> Document:
    return {"_id": lease.name, "owner": lease.owner, "fence": lease.fence}


def _away(seconds: float) -> Document:
    return {"$add": [NOW, int(seconds * 1000)]}
