"""The gates of channels that are in trouble; a channel without a row has an open one."""

from typing import ClassVar

from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from app.errors import Unavailable
from app.models.entity import ChannelId
from app.models.gate import Gate
from app.stores.codec import Codec, Document, object_id


class Gates:
    """`gates`: outside the journal, for what a platform asks for concerns every process at once and no client."""

    name: ClassVar[str] = "gates"
    indexes: ClassVar[tuple[IndexModel, ...]] = ()

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)
        self.codec = Codec(Gate, top=False)

    async def all(self) -> dict[ChannelId, Gate]:
        """Return the gates that are not simply open."""
        found = await self.collection.find({}).to_list()
        return {ChannelId(str(row["_id"])): self.codec.from_document(row) for row in found}

    async def get(self, channel_id: ChannelId) -> Gate:
        """Return one channel's gate. Raises Unavailable."""
        try:
            return await self._get(channel_id)
        except PyMongoError:
            raise Unavailable from None

    async def _get(self, channel_id: ChannelId) -> Gate:
        found = await self.collection.find_one({"_id": object_id(channel_id)})
        return self.codec.from_document(found) if found else Gate()

    async def replace(self, channel_id: ChannelId, before: Gate, after: Gate) -> bool:
        """Put a gate in place of what was read; False when somebody else was first. Raises Unavailable."""
        try:
            return await self._replace(channel_id, before, after)
        except PyMongoError:
            raise Unavailable from None

    async def _replace(self, channel_id: ChannelId, before: Gate, after: Gate) -> bool:
        this = {"_id": object_id(channel_id)}
        there = self.codec.to_document(before)
        expected = this | {name: there.get(name) for name in Gate.__dataclass_fields__}
        if after == Gate():
            return before == after or (await self.collection.delete_one(expected)).deleted_count == 1
        if before == Gate():
            try:
                await self.collection.insert_one(this | self.codec.to_document(after))
            except DuplicateKeyError:
                return False
            return True
        done = await self.collection.replace_one(expected, self.codec.to_document(after))
        return done.matched_count == 1

    async def forget(self, channel_id: ChannelId) -> None:
        """Open a channel's gate, whatever shut it."""
        await self.collection.delete_one({"_id": object_id(channel_id)})
