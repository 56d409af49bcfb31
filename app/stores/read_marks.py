"""How far each reader has read."""

from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from app.models.conversation import ReadMark
from app.models.entity import CompanyId
from app.stores.entities import EntityStore, Question


class ReadMarks(EntityStore[ReadMark]):
    """`read_marks`: one a reader and conversation, kept under both ids."""

    kind = ReadMark
    name: ClassVar[str] = "read_marks"
    questions: ClassVar[dict[str, Question]] = {"id": ("_id", str, "_id_")}
    indexes = (
        IndexModel([("reader_id", ASCENDING), ("conversation_id", ASCENDING)], name="reader", unique=True),
        IndexModel([("company_id", ASCENDING), ("conversation_id", ASCENDING)], name="of_conversation"),
    )

    async def of_reader(self, company_id: CompanyId, reader_id: str, conversation_ids: list[str]) -> dict[str, int]:
        """Return how far one reader has read these conversations."""
        marks = await self.load(
            company_id, [ReadMark.ref(ReadMark.id_of(reader_id, each)) for each in conversation_ids]
        )
        return {mark.conversation_id: mark.up_to_seq for mark in marks}
