"""Customers and who they are on each platform."""

from typing import ClassVar

from pymongo import ASCENDING, DESCENDING, IndexModel

from app.models.contact import Contact, Platform
from app.models.entity import CompanyId
from app.stores.codec import Document, object_id
from app.stores.entities import EntityStore, Question, id_filter


def _known_as(value: tuple[str, str]) -> Document:
    channel_id, external_id = value
    return {"on_channels": {"$elemMatch": {"channel": object_id(channel_id), "peer": external_id}}}


class Contacts(EntityStore[Contact]):
    """`contacts`: one identity of one channel belongs to one contact."""

    kind = Contact
    name: ClassVar[str] = "contacts"
    questions: ClassVar[dict[str, Question]] = {"id": id_filter, "identity": _known_as}
    indexes = (
        IndexModel([("company_id", ASCENDING), ("seq", DESCENDING)], name="newest"),
        IndexModel(
            [("company_id", ASCENDING), ("on_channels.channel", ASCENDING), ("on_channels.peer", ASCENDING)],
            name="identity",
            unique=True,
            partialFilterExpression={"on_channels": {"$exists": True}},
        ),
        IndexModel([("company_id", ASCENDING), ("seen_on", ASCENDING), ("seq", DESCENDING)], name="by_platform"),
    )

    def extra(self, contact: Contact) -> Document:
        """Index only identities that a channel knows: others are not unique."""
        known = [
            {"channel": object_id(i.channel_id), "peer": i.external_id} for i in contact.identities if i.channel_id
        ]
        return {"on_channels": known} if known else {}

    async def newest(
        self, company_id: CompanyId, *, platform: Platform | None, before: int | None, limit: int
    ) -> list[Contact]:
        """Return contacts, newest first, all or those seen on one platform."""
        where: Document = {"seen_on": platform.value} if platform else {}
        return await self.page(company_id, where, by="seq", before=before, limit=limit)
