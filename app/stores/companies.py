"""Companies, made in one plain transaction together with their stream and their web channel."""

from typing import ClassVar

from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from app.errors import Duplicate
from app.models.channel import Channel
from app.models.company import Company, Stream
from app.models.entity import CompanyId
from app.stores.channels import Channels
from app.stores.codec import Codec, Document, object_id


class Companies:
    """`companies`: our customers."""

    name: ClassVar[str] = "companies"
    indexes = (IndexModel([("slug", ASCENDING)], name="slug", unique=True),)

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.database = database
        self.collection = database.get_collection(self.name)
        self.codec = Codec(Company)

    async def create(self, company: Company, stream: Stream, channel: Channel) -> None:
        """Store a company, its stream and its first channel, all or nothing."""

        async def insert(session: AsyncClientSession) -> None:
            channels = Channels(self.database)
            await self.collection.insert_one(self.codec.to_document(company), session=session)
            await self.database.streams.insert_one(Codec(Stream).to_document(stream), session=session)
            await channels.collection.insert_one(channels.document(channel), session=session)

        try:
            async with self.database.client.start_session() as session:
                await session.with_transaction(insert)
        except DuplicateKeyError:
            # The driver runs a transaction again after a cut; the first run may have been committed after all.
            if await self.get(company.id) is None:
                raise Duplicate("There is a company with this name already.") from None

    async def get(self, company_id: CompanyId) -> Company | None:
        """Return one company."""
        found = await self.collection.find_one({"_id": object_id(company_id)})
        return self.codec.from_document(found) if found else None

    async def all(self) -> list[Company]:
        """Return every company, oldest first."""
        return [self.codec.from_document(found) async for found in self.collection.find().sort("_id", ASCENDING)]

    async def any(self) -> Company | None:
        """Return the first company there is, if there is one."""
        found = await self.collection.find_one(sort=[("_id", ASCENDING)])
        return self.codec.from_document(found) if found else None
