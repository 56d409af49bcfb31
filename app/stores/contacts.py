"""Customers and who they are on each platform."""

from typing import ClassVar

from pymongo import ASCENDING, DESCENDING, IndexModel

from app.models.contact import Contact, Platform
from app.models.entity import CompanyId
from app.stores.codec import Document
from app.stores.entities import BY_ID, EntityStore, Question, text_of


class Contacts(EntityStore[Contact]):
    """`contacts`: one identity of one channel belongs to one contact."""

    kind = Contact
    name: ClassVar[str] = "contacts"
    questions: ClassVar[dict[str, Question]] = {"id": BY_ID, "identity": ("known_as", text_of, "identity")}
    indexes = (
        IndexModel([("company_id", ASCENDING), ("seq", DESCENDING)], name="newest"),
        IndexModel(
            [("company_id", ASCENDING), ("known_as", ASCENDING)],
            name="identity",
            unique=True,
            partialFilterExpression={"known_as": {"$exists": True}},
        ),
        IndexModel([("company_id", ASCENDING), ("seen_on", ASCENDING), ("seq", DESCENDING)], name="by_platform"),
    )

    def extra(self, contact: Contact) -> Document:
        """Index only identities that a channel knows: others are not unique."""
        known = [text_of(ref.value) for ref in contact.names()]
        return {"known_as": known} if known else {}

    async def newest(
        self, company_id: CompanyId, *, platform: Platform | None, before: int | None, limit: int
    ) -> list[Contact]:
        """Return contacts, newest first, all or those seen on one platform."""
        where: Document = {"seen_on": platform.value} if platform else {}
        return await self.page(company_id, where, by="seq", before=before, limit=limit)
