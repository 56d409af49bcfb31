"""What platforms told before we knew of what they spoke."""

from typing import Any, ClassVar

from pymongo import ASCENDING, IndexModel

from app.models.parked import Parked
from app.stores.codec import Document
from app.stores.entities import EntityStore, Question

KEPT = 3600  # seconds


def _by_text_id(value: Any) -> Document:
    return {"_id": value}


class ParkedStore(EntityStore[Parked]):
    """`receipts`: by channel and the platform's id; each goes an hour after it came."""

    kind = Parked
    name: ClassVar[str] = "receipts"
    questions: ClassVar[dict[str, Question]] = {"id": _by_text_id}
    indexes = (IndexModel([("at", ASCENDING)], name="expiry", expireAfterSeconds=KEPT),)
