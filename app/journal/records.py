"""An event of the log, as it is kept and as it is known."""

from typing import Any

from app.journal.change import Recorded
from app.models.entity import CompanyId
from app.stores.codec import Document, object_id
from app.stores.log import place


def event_document(event: Recorded) -> Document:
    """Return an event of the log as it is kept."""
    document: Document = {
        "_id": place(event.company_id, event.seq),
        "company_id": object_id(event.company_id),
        "seq": event.seq,
        "type": event.type,
        "at": event.at,
        "body": event.body.decode(),
    }
    if event.conversation_id is not None:
        document["conversation_id"] = object_id(event.conversation_id)
    if event.key is not None:
        document["key"] = event.key
        document["digest"] = event.digest
    return document


def recorded(company_id: CompanyId, document: Document) -> Recorded:
    """Return an event as the log kept it."""
    conversation_id: Any = document.get("conversation_id")
    return Recorded(
        company_id=company_id,
        seq=document["seq"],
        type=document["type"],
        conversation_id=str(conversation_id) if conversation_id else None,
        at=document["at"],
        body=document["body"].encode(),
        key=document.get("key"),
        digest=document.get("digest"),
    )
