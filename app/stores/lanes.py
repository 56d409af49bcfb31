"""The outbox. Times are the database's own, so that every process means the same by "due"."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from app.models.entity import ChannelId, CompanyId, ConversationId, MessageId
from app.models.outbox import Due, LaneStep, Turn
from app.stores.codec import Document, object_id
from app.stores.conversations import QUEUEING

NOW = "$$NOW"
IS_DUE: Document = {"due_at": {"$exists": True}, "$expr": {"$lte": ["$due_at", NOW]}}
IS_OVER: Document = {"due_at": {"$exists": True}, "$expr": {"$lte": ["$deadline", NOW]}}
# All that wait, in words that let MongoDB step over the index from channel to channel.
WAITS: Document = {"channel_id": {"$gte": object_id("0" * 24)}, "due_at": {"$lt": datetime(9999, 1, 1, tzinfo=UTC)}}
HAS_EXPIRED: Document = {"lease_until": {"$exists": True}, "$expr": {"$lte": ["$lease_until", NOW]}}

SEEN = ("company_id", "channel_id", "due_at")
MOST_MERGED = 200  # channels of a query: of so many MongoDB merges the sorted rows, of more it sorts them all


class StepRefused(Exception):
    """A row was not as the step took it to be: its turn is another's by now, or somebody is in the middle of one.

    `step` is None where it was one of several: done one by one, in another transaction, they say which.
    """

    def __init__(self, step: LaneStep | None) -> None:
        super().__init__(step.id if step else "one of several")
        self.step = step


class Lanes:
    """`lanes`: a poll costs what is due, not what is stored. A claim lasts `lease` seconds."""

    name: ClassVar[str] = "lanes"
    indexes = (
        IndexModel(
            [("channel_id", ASCENDING), ("due_at", ASCENDING)],
            name="waiting",
            partialFilterExpression={"due_at": {"$exists": True}},
        ),
        IndexModel([("deadline", ASCENDING)], name="deadline", partialFilterExpression={"due_at": {"$exists": True}}),
        IndexModel(
            [("lease_until", ASCENDING)], name="leased", partialFilterExpression={"lease_until": {"$exists": True}}
        ),
    )

    def __init__(self, database: AsyncDatabase[Document], lease: float) -> None:
        self.database = database
        self.lease = lease
        self.collection = database.get_collection(self.name)

    async def take(self, steps: Sequence[LaneStep], session: AsyncClientSession, *, one_by_one: bool = False) -> None:
        """Do these steps, one a row, in the journal's transaction. Raises StepRefused.

        The server only counts what matched. Neither the rows inside the transaction, which some steps have moved by
        then, nor those outside it, which others move, say which step did not: only a step that is alone is sure of it.
        """
        if one_by_one:
            for step in steps:
                await self._take([step], session)
        else:
            await self._take(steps, session)

    async def _take(self, steps: Sequence[LaneStep], session: AsyncClientSession) -> None:
        kept = [step for step in steps if step.head is not None]
        updates = [
            {"q": _expected(step), "u": _moved(step, self.lease), "upsert": step.opens or step.mends} for step in kept
        ]
        deletes = [{"q": _expected(step), "limit": 1} for step in steps if step.head is None]
        done = 0
        if updates:
            done += (await self.database.command({"update": self.name, "updates": updates}, session=session))["n"]
        if deletes:
            done += (await self.database.command({"delete": self.name, "deletes": deletes}, session=session))["n"]
        if done != len(steps):
            raise StepRefused(steps[0] if len(steps) == 1 else None)

    async def due(self, shut: Iterable[ChannelId], limit: int) -> list[Due]:
        """Return rows whose time has come, those that wait longest first, without these channels'.

        What is beyond its deadline is among them in any case: its end must be told. However many rows of these channels
        wait, they are not looked at: the channels that have rows are asked for first.
        """
        excluded = {object_id(each) for each in shut}
        waiting = await self.collection.distinct("channel_id", WAITS)
        served = [each for each in waiting if each not in excluded]
        found: list[Document] = []
        if len(served) < len(waiting):
            found = await self.collection.find(IS_OVER, SEEN).sort("deadline").limit(limit).to_list()
        for start in range(0, len(served), MOST_MERGED):
            where = {"channel_id": {"$in": served[start : start + MOST_MERGED]}, **IS_DUE}
            found += await self.collection.find(where, SEEN).sort("due_at").limit(limit).to_list()
        rows = {row["_id"]: row for row in found}.values()
        return [_due(row) for row in sorted(rows, key=lambda row: row["due_at"])[:limit]]

    async def expired(self, limit: int) -> list[Due]:
        """Return rows whose lease ran out."""
        found = self.collection.find(HAS_EXPIRED, SEEN).sort("lease_until")
        return [_due(row) for row in await found.limit(limit).to_list()]

    async def missing(self, limit: int) -> list[tuple[CompanyId, ConversationId]]:
        """Return conversations that have something to send, and no row."""
        pipeline: list[Document] = [
            {"$match": QUEUEING},
            {"$project": {"company_id": True}},
            {"$lookup": {"from": self.name, "localField": "_id", "foreignField": "_id", "as": "row"}},
            {"$match": {"row": []}},
            {"$limit": limit},
        ]
        found = await self.database["conversations"].aggregate(pipeline, hint="queueing")
        return [(CompanyId(str(each["company_id"])), ConversationId(str(each["_id"]))) async for each in found]

    async def claim(self, id: ConversationId, *, expired: bool = False) -> Turn | None:
        """Take a row for as long as a lease is, if its time has come (or, if `expired`, its lease has run out)."""
        began = time.monotonic()
        change: list[Document] = [
            {
                "$set": {
                    "lease_until": _later(self.lease),
                    "fence": {"$add": ["$fence", 1]},
                    "attempts": {"$add": ["$attempts", 0 if expired else 1]},
                }
            },
            {"$unset": "due_at"},
        ]
        found = await self.collection.find_one_and_update(
            {"_id": object_id(id), **(HAS_EXPIRED if expired else IS_DUE)},
            change,
            return_document=ReturnDocument.AFTER,
        )
        return _turn(found, began, self.lease, interrupted=expired) if found else None

    async def release(self, turn: Turn, after: float) -> None:
        """Give a turn back in which nothing left this machine."""
        await self.collection.update_one(
            {"_id": object_id(turn.id), "fence": turn.fence, "lease_until": {"$exists": True}},
            [
                {"$set": {"due_at": {"$min": ["$deadline", _later(after)]}, "attempts": turn.attempts - 1}},
                {"$unset": "lease_until"},
            ],
        )

    async def put_off(self, id: ConversationId, after: float) -> bool:
        """Let a row that waits, wait for longer, until its deadline at most; False when that has come."""
        done = await self.collection.update_one(
            {"_id": object_id(id), "due_at": {"$exists": True}, "$expr": {"$gt": ["$deadline", NOW]}},
            [{"$set": {"due_at": {"$min": ["$deadline", _later(after)]}}}],
        )
        return done.matched_count == 1

    async def wake(self, channel_id: ChannelId) -> None:
        """Let everything that waits on a channel be due now."""
        await self.collection.update_many(
            {"channel_id": object_id(channel_id), "due_at": {"$exists": True}}, [{"$set": {"due_at": NOW}}]
        )

    async def is_leased(self, id: ConversationId) -> bool:
        """Tell whether somebody is sending for this conversation just now."""
        return await self.collection.find_one({"_id": object_id(id), "lease_until": {"$exists": True}}) is not None


def _later(seconds: float) -> Document:
    return {"$dateAdd": {"startDate": NOW, "unit": "millisecond", "amount": int(seconds * 1000)}}


def _expected(step: LaneStep) -> Document:
    if step.opens or step.mends:
        return {"_id": object_id(step.id)}
    if step.fence is None:
        return {"_id": object_id(step.id), "lease_until": {"$exists": False}}
    return {"_id": object_id(step.id), "fence": step.fence, "lease_until": {"$exists": True}}


def _moved(step: LaneStep, lease: float) -> list[Document]:
    assert step.head is not None  # rows without a head are deleted
    if step.renew:
        return [{"$set": {"lease_until": _later(lease)}}]
    row: Document = {
        "company_id": object_id(step.company_id),
        "channel_id": object_id(step.channel_id),
        "message_id": object_id(step.head.id),
        "deadline": step.head.deadline,
        "due_at": _later(step.after),
        "attempts": step.attempts,
        # A row that is made anew must not give out the numbers of the one before it: it starts from the time.
        "fence": {"$ifNull": ["$fence", {"$toLong": NOW}]},
    }
    if step.mends:
        there = {"$gt": ["$message_id", None]}
        return [{"$replaceWith": {"$cond": [there, "$$ROOT", {"$mergeObjects": ["$$ROOT", row]}]}}]
    return [{"$set": row}, {"$unset": "lease_until"}]


def _due(row: Document) -> Due:
    return Due(
        ConversationId(str(row["_id"])),
        CompanyId(str(row["company_id"])),
        ChannelId(str(row["channel_id"])),
    )


def _turn(row: dict[str, Any], began: float, lease: float, *, interrupted: bool) -> Turn:
    at = row["lease_until"] - timedelta(milliseconds=int(lease * 1000))  # when the claim was written
    return Turn(
        id=ConversationId(str(row["_id"])),
        company_id=CompanyId(str(row["company_id"])),
        channel_id=ChannelId(str(row["channel_id"])),
        message_id=MessageId(str(row["message_id"])),
        fence=row["fence"],
        attempts=row["attempts"],
        at=at,
        began=began,
        is_over=row["deadline"] <= at,
        interrupted=interrupted,
    )
