"""The collections that the journal alone writes: loaded by reference, replaced whole."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pymongo import IndexModel, ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from app.models.entity import CompanyId, Entity, Ref
from app.stores.codec import Codec, Document, object_id

E = TypeVar("E", bound=Entity)
Question = tuple[str, Callable[[Any], Any], str]  # the field that answers it, the value as it is kept there, the index

BY_ID: Question = ("_id", object_id, "_id_")


def text_of(names: Any) -> str:
    """Return a name of several parts as one text: one field, so that a list of names is one range of an index each."""
    return ":".join(str(part) for part in names)


class EntityStore(Generic[E]):
    """One kind of thing in one collection.

    `questions` says for each kind of reference which field answers it; every answer is the company's own.
    """

    kind: ClassVar[type[Entity]]
    name: ClassVar[str]
    indexes: ClassVar[tuple[IndexModel, ...]] = ()
    questions: ClassVar[dict[str, Question]] = {"id": BY_ID}

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection: AsyncCollection[Document] = database.get_collection(
            self.name, read_preference=ReadPreference.PRIMARY
        )
        self.codec: Codec[E] = Codec(self.kind)  # type: ignore[arg-type]  # kind is this store's E

    @property
    def name_fields(self) -> list[str]:
        """Return the fields that hold the unique names by which these things are found, besides their ids."""
        return [field for by, (field, _, _) in self.questions.items() if by != "id"]

    async def load(
        self, company_id: CompanyId, refs: Sequence[Ref[Entity]], session: AsyncClientSession | None = None
    ) -> list[E]:
        """Return what these references name, in no order; one query a way of asking, so that each has its index."""
        found: list[E] = []
        for by in {ref.by for ref in refs}:
            field, kept, index = self.questions[by]
            asked = [kept(ref.value) for ref in refs if ref.by == by]
            # Left to itself the planner may settle, after one long list, on walking through all that the company has.
            cursor = self.collection.find(
                {"company_id": object_id(company_id), field: {"$in": asked}}, session=session, hint=index
            )
            found += [self.codec.from_document(document) for document in await cursor.to_list()]
        return found

    async def get(self, company_id: CompanyId, id: str) -> E | None:
        """Return one by its id."""
        found = await self.load(company_id, [Ref(self.kind, "id", id)])
        return found[0] if found else None

    def document(self, entity: E) -> Document:
        """Return the entity as a document, with what only indexes need."""
        return {**self.codec.to_document(entity), **self.extra(entity)}

    def extra(self, entity: E) -> Document:
        """Return derived fields that indexes need."""
        return {}

    async def page(self, company_id: CompanyId, where: Document, *, by: str, before: int | None, limit: int) -> list[E]:
        """Return up to `limit` of them, newest first by the field `by`, older than `before`."""
        query: Document = {"company_id": object_id(company_id), **where}
        if before is not None:
            query[by] = {"$lt": before}
        found = self.collection.find(query).sort(by, -1).limit(limit)
        return [self.codec.from_document(document) for document in await found.to_list()]
