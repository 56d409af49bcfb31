"""What platforms told before we knew of what they spoke."""

from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from app.models.parked import Parked
from app.stores.entities import EntityStore, Question

KEPT = 3600  # seconds


class ParkedStore(EntityStore[Parked]):
    """`receipts`: by channel and the platform's id; each goes an hour after it came."""

    kind = Parked
    name: ClassVar[str] = "receipts"
    questions: ClassVar[dict[str, Question]] = {"id": ("_id", str, "_id_")}
    indexes = (IndexModel([("at", ASCENDING)], name="expiry", expireAfterSeconds=KEPT),)
