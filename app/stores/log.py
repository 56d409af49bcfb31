"""The log: each company's events in order, the stream that says where it stands, and who is writing."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import takewhile
from typing import Any, ClassVar

from bson import Binary
from pymongo import ASCENDING, DESCENDING, IndexModel, ReadPreference, ReturnDocument, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from app.models.company import Stream
from app.models.entity import CompanyId
from app.stores.codec import Codec, Document, object_id

# What a reader of the log needs of an event; decoding the rest would cost as much again.
SAID = {"_id": False, "seq": True, "type": True, "at": True, "conversation_id": True, "body": True}


class Streams:
    """`streams`: one document a company; whoever increments `turn` holds the company's lock until its commit."""

    name: ClassVar[str] = "streams"
    indexes: ClassVar[tuple[IndexModel, ...]] = ()

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)
        self.codec = Codec(Stream)

    async def get(self, company_id: CompanyId) -> Stream | None:
        """Return where a company's log stands."""
        found = await self.collection.find_one({"_id": object_id(company_id)})
        return self.codec.from_document(found) if found else None

    async def of(self, company_ids: Iterable[CompanyId]) -> list[Stream]:
        """Return where these companies' logs stand, in one query."""
        found = self.collection.find({"_id": {"$in": [object_id(each) for each in company_ids]}})
        return [self.codec.from_document(document) async for document in found]

    async def lock(self, company_id: CompanyId, session: AsyncClientSession, *, more: int = 0) -> Stream | None:
        """Take the company's lock and return the stream as this turn finds it."""
        found = await self.collection.find_one_and_update(
            {"_id": object_id(company_id)},
            {"$inc": {"turn": 1}, "$set": {"more": more}},
            session=session,
            return_document=ReturnDocument.AFTER,
        )
        return self.codec.from_document(found) if found else None

    async def take_turn(
        self, company_id: CompanyId, *, after: int, epoch: str, head: int, more: int, session: AsyncClientSession
    ) -> bool:
        """Take the lock and move the head at once, if nobody took a turn since `after`; tell whether it worked.

        A restore turns `turn` back, so a turn is known by its epoch as well.
        """
        done = await self.collection.update_one(
            {"_id": object_id(company_id), "turn": after, "epoch": epoch},
            {"$inc": {"turn": 1}, "$set": {"head": head, "more": more}},
            session=session,
        )
        return done.matched_count == 1

    async def set_head(self, company_id: CompanyId, head: int, session: AsyncClientSession) -> None:
        """Move the head, under the lock."""
        await self.collection.update_one({"_id": object_id(company_id)}, {"$set": {"head": head}}, session=session)

    async def raise_floor(self, company_id: CompanyId, floor: int) -> None:
        """Say that events up to `floor` may be gone; it never sinks, and never passes the head."""
        await self.collection.update_one(
            {"_id": object_id(company_id)}, [{"$set": {"floor": {"$max": ["$floor", {"$min": [floor, "$head"]}]}}}]
        )

    async def new_epoch(self, company_id: CompanyId, epoch: str, *, head: int) -> bool:
        """Give a stream a new epoch; tell whether there is one. A turn is taken, so that no memory survives it.

        The head is raised to that of the log, which a backup may have caught a moment later than the stream.
        """
        done = await self.collection.update_one(
            {"_id": object_id(company_id)}, {"$set": {"epoch": epoch}, "$inc": {"turn": 1}, "$max": {"head": head}}
        )
        return done.matched_count == 1

    async def all_ids(self) -> list[CompanyId]:
        """Return every company that has a stream."""
        return [CompanyId(str(found["_id"])) async for found in self.collection.find({}, {"_id": True})]


class Events:
    """`events`: the log. `_id` is the company and the seq, so that the log is unique and sorted by it."""

    name: ClassVar[str] = "events"
    indexes = (
        IndexModel(
            [("company_id", ASCENDING), ("key", ASCENDING)],
            name="key",
            unique=True,
            partialFilterExpression={"key": {"$exists": True}},
        ),
        IndexModel(
            [("company_id", ASCENDING), ("conversation_id", ASCENDING), ("seq", ASCENDING)],
            name="of_conversation",
            partialFilterExpression={"conversation_id": {"$exists": True}},
        ),
    )

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)

    async def of_keys(
        self, company_id: CompanyId, keys: Sequence[str], session: AsyncClientSession | None = None
    ) -> list[Document]:
        """Return the events that these keys were spent on."""
        query = {"company_id": object_id(company_id), "key": {"$in": list(keys)}}
        return await self.collection.find(query, session=session).to_list()

    async def after(
        self, company_id: CompanyId, since: int, until: int, *, limit: int, conversation_id: str | None = None
    ) -> list[Document]:
        """Return up to `limit` events of (since, until], in order, of the company or of one conversation."""
        if conversation_id is None:
            query: Document = {"_id": {"$gt": place(company_id, since), "$lte": place(company_id, until)}}
            found = self.collection.find(query, SAID).sort("_id", ASCENDING)
        else:
            where = {"company_id": object_id(company_id), "conversation_id": object_id(conversation_id)}
            found = self.collection.find({**where, "seq": {"$gt": since, "$lte": until}}, SAID).sort("seq", ASCENDING)
        return await found.limit(limit).batch_size(limit + 1).to_list()

    async def last(self, company_id: CompanyId, since: int, until: int, *, limit: int) -> list[Document]:
        """Return the last `limit` events of (since, until] of the company, in order."""
        query = {"_id": {"$gt": place(company_id, since), "$lte": place(company_id, until)}}
        found = self.collection.find(query, SAID).sort("_id", DESCENDING)
        return (await found.limit(limit).batch_size(limit + 1).to_list())[::-1]

    async def last_seq(self, company_id: CompanyId) -> int:
        """Return the seq of the last event in the log, 0 when there is none."""
        query = {"_id": {"$gte": place(company_id, 0), "$lt": place(company_id, 2**64 - 1)}}
        found = await self.collection.find_one(query, {"seq": True}, sort=[("_id", -1)])
        return int(found["seq"]) if found else 0

    async def older(self, company_id: CompanyId, since: int, until: int, age: timedelta, *, limit: int) -> list[int]:
        """Return the seqs of up to `limit` events of (since, until] that precede the first one of less than this age.

        The database says how old they are: by another's clock, which may be wrong, a whole log could go.
        """
        query = {"_id": {"$gt": place(company_id, since), "$lte": place(company_id, until)}}
        past = {"$subtract": ["$$NOW", int(age.total_seconds() * 1000)]}
        told = {"_id": False, "seq": True, "is_old": {"$lt": ["$at", past]}}
        page = await self.collection.find(query, told).sort("_id", ASCENDING).limit(limit).to_list()
        return [int(event["seq"]) for event in takewhile(lambda event: bool(event["is_old"]), page)]

    async def delete_up_to(self, company_id: CompanyId, seq: int) -> int:
        """Delete the events up to a floor; return how many."""
        query = {"_id": {"$gte": place(company_id, 0), "$lte": place(company_id, seq)}}
        return (await self.collection.delete_many(query)).deleted_count


def place(company_id: str, seq: int) -> Binary:
    """Return the `_id` of an event: 12 bytes of company, 8 bytes of seq; binaries of one length sort by their bytes."""
    return Binary(bytes.fromhex(company_id) + seq.to_bytes(8, "big"))


class Writers:
    """`writers`: the sessions of each process that writes, so that a dead one's open transaction can be ended."""

    name: ClassVar[str] = "writers"
    indexes = (IndexModel([("seen_at", ASCENDING)], name="silence", expireAfterSeconds=300),)

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        # The primary alone is asked, and nothing waits for a majority: members that lag must not make the living look
        # dead. A beat that an election takes back comes again within a second.
        self.collection = database.get_collection(
            self.name,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("local"),
            write_concern=WriteConcern(w=1),
        )
        self.admin = database.client.admin

    async def beat(self, id: str, sessions: Sequence[Any]) -> None:
        """Say that this writer lives, on the server's clock."""
        await self.collection.update_one(
            {"_id": id}, [{"$set": {"sessions": {"$literal": list(sessions)}, "seen_at": "$$NOW"}}], upsert=True
        )

    async def silent(self, seconds: float) -> list[Document]:
        """Return the writers that have not been seen for so long."""
        past = {"$subtract": ["$$NOW", int(seconds * 1000)]}
        return [found async for found in self.collection.find({"$expr": {"$lt": ["$seen_at", past]}})]

    async def end(self, writer: Document) -> None:
        """Kill a silent writer's sessions: its open transaction is rolled back and its locks are free."""
        await self.admin.command("killSessions", [{"id": each} for each in writer["sessions"]])
        await self.collection.delete_one({"_id": writer["_id"], "seen_at": writer["seen_at"]})

    async def leave(self, id: str) -> None:
        """Say that this writer has stopped."""
        await self.collection.delete_one({"_id": id})
