"""What was said."""

from datetime import datetime
from typing import ClassVar

from pymongo import ASCENDING, DESCENDING, IndexModel

from app.models.contact import Platform
from app.models.entity import CompanyId, ContactId, ConversationId
from app.models.message import Direction, Message
from app.stores.codec import Document, object_id
from app.stores.entities import BY_ID, EntityStore, Question, text_of

QUEUED_AGAIN = "delivery.queued_seq"


class Messages(EntityStore[Message]):
    """`messages`: in the order of their seq; a platform's id is unique within its channel."""

    kind = Message
    name: ClassVar[str] = "messages"
    questions: ClassVar[dict[str, Question]] = {"id": BY_ID, "external": ("known_as", text_of, "external")}
    indexes = (
        IndexModel(
            [("company_id", ASCENDING), ("conversation_id", ASCENDING), ("seq", DESCENDING)], name="of_conversation"
        ),
        IndexModel([("company_id", ASCENDING), ("contact_id", ASCENDING), ("seq", DESCENDING)], name="of_contact"),
        IndexModel(
            [("company_id", ASCENDING), ("conversation_id", ASCENDING), (QUEUED_AGAIN, DESCENDING)],
            name="queued_again",
            partialFilterExpression={QUEUED_AGAIN: {"$exists": True}},
        ),
        IndexModel(
            [("company_id", ASCENDING), ("known_as", ASCENDING)],
            name="external",
            unique=True,
            partialFilterExpression={"known_as": {"$exists": True}},
        ),
    )

    def extra(self, message: Message) -> Document:
        """Index a platform's ids only where a channel makes them unique."""
        known = [text_of(ref.value) for ref in message.names()]
        return {"known_as": known} if known else {}

    async def of_conversation(
        self, company_id: CompanyId, id: ConversationId, *, before: int | None, limit: int
    ) -> list[Message]:
        """Return messages of a conversation, newest first."""
        return await self.page(company_id, {"conversation_id": object_id(id)}, by="seq", before=before, limit=limit)

    async def of_contact(
        self, company_id: CompanyId, id: ContactId, *, platform: Platform | None, before: int | None, limit: int
    ) -> list[Message]:
        """Return messages of all conversations with a contact, newest first."""
        where: Document = {"contact_id": object_id(id)}
        if platform:
            where["platform"] = platform.value
        return await self.page(company_id, where, by="seq", before=before, limit=limit)

    async def inbound_number(self, company_id: CompanyId, conversation_id: ConversationId, up_to_seq: int) -> int:
        """Return the number of the last inbound message at or before a seq, 0 when there is none."""
        found = await self.collection.find_one(
            {
                "company_id": object_id(company_id),
                "conversation_id": object_id(conversation_id),
                "seq": {"$lte": up_to_seq},
                "direction": Direction.INBOUND.value,
            },
            sort=[("seq", DESCENDING)],
            projection={"number": True},
        )
        return int(found["number"]) if found else 0

    async def sent_up_to(self, company_id: CompanyId, conversation_id: ConversationId, moment: datetime) -> int:
        """Return the place of the last message that we had sent at or before a moment, 0 when there is none."""
        sent: Document = {
            "company_id": object_id(company_id),
            "conversation_id": object_id(conversation_id),
            "delivery.sent_at": {"$lte": moment},
        }
        last = await self.collection.find_one(sent, sort=[("seq", DESCENDING)], projection={"seq": True})
        again = await self.collection.find_one(
            {**sent, QUEUED_AGAIN: {"$exists": True}},
            sort=[(QUEUED_AGAIN, DESCENDING)],
            projection={QUEUED_AGAIN: True},
        )
        return max(int(last["seq"]) if last else 0, int(again["delivery"]["queued_seq"]) if again else 0)

    async def last_heard(self, company_id: CompanyId, conversation_id: ConversationId) -> str | None:
        """Return the platform's id of the last message that the customer wrote here."""
        found = await self.collection.find_one(
            {
                "company_id": object_id(company_id),
                "conversation_id": object_id(conversation_id),
                "direction": Direction.INBOUND.value,
            },
            sort=[("seq", DESCENDING)],
            projection={"external_message_id": True},
        )
        return found.get("external_message_id") if found else None
