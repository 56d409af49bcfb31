"""Threads, one open at a time with each peer of a channel."""

from typing import ClassVar

from pymongo import ASCENDING, DESCENDING, IndexModel

from app.models.contact import Platform
from app.models.conversation import Conversation, Status
from app.models.entity import ChannelId, CompanyId, ContactId, ConversationId
from app.stores.codec import Document, object_id
from app.stores.entities import BY_ID, EntityStore, Question, text_of

QUEUEING: Document = {"outbox.0": {"$exists": True}}


class Conversations(EntityStore[Conversation]):
    """`conversations`: `open_with` is there only while the conversation is open."""

    kind = Conversation
    name: ClassVar[str] = "conversations"
    questions: ClassVar[dict[str, Question]] = {"id": BY_ID, "open": ("open_with", text_of, "one_open")}
    indexes = (
        IndexModel(
            [("company_id", ASCENDING), ("open_with", ASCENDING)],
            name="one_open",
            unique=True,
            partialFilterExpression={"open_with": {"$exists": True}},
        ),
        IndexModel([("company_id", ASCENDING), ("activity_seq", DESCENDING)], name="latest"),
        IndexModel([("company_id", ASCENDING)], name="queueing", partialFilterExpression=QUEUEING),
        IndexModel(
            [("company_id", ASCENDING), ("contact_id", ASCENDING), ("activity_seq", DESCENDING)], name="of_contact"
        ),
    )

    def extra(self, conversation: Conversation) -> Document:
        """Add what lists sort by and what the unique index holds."""
        derived: Document = {"activity_seq": conversation.activity_seq}
        for name in conversation.names():
            derived["open_with"] = text_of(name.value)
        return derived

    async def latest(
        self,
        company_id: CompanyId,
        *,
        contact_id: ContactId | None = None,
        platform: Platform | None = None,
        status: Status | None = None,
        before: int | None,
        limit: int,
    ) -> list[Conversation]:
        """Return conversations, the latest spoken in first."""
        where: Document = {}
        if contact_id:
            where["contact_id"] = object_id(contact_id)
        if platform:
            where["platform"] = platform.value
        if status:
            where["status"] = status.value
        return await self.page(company_id, where, by="activity_seq", before=before, limit=limit)

    async def latest_with(
        self, company_id: CompanyId, contact_id: ContactId, channel_id: ChannelId, peer: str
    ) -> Conversation | None:
        """Return the conversation of a contact in which this peer of a channel was spoken with last."""
        where: Document = {"contact_id": object_id(contact_id), "channel_id": object_id(channel_id), "peer": peer}
        found = await self.page(company_id, where, by="activity_seq", before=None, limit=1)
        return found[0] if found else None

    async def of_contact(self, company_id: CompanyId, contact_id: ContactId) -> list[ConversationId]:
        """Return all conversations of one contact, the latest first."""
        where = {"company_id": object_id(company_id), "contact_id": object_id(contact_id)}
        # The oldest first: one that somebody writes in meanwhile moves to where the look has yet to come.
        found = await self.collection.find(where, {"_id": True}).sort("activity_seq", ASCENDING).to_list()
        return [*dict.fromkeys(ConversationId(str(each["_id"])) for each in reversed(found))]
