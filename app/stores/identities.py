"""What is asked of the sign-ins, people and keys of all companies at once: which of those connected still stand."""

from collections.abc import Iterable

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.models.entity import KeyId, SessionId, UserId
from app.models.people import ApiKey, User
from app.stores.codec import Document, object_id
from app.stores.people import ApiKeys, Sessions, Users


class Identities:
    """`sessions`, `users` and `api_keys` by their ids; those stores have their indexes."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._sessions = Sessions(database)
        self._users = Users(database)
        self._keys = ApiKeys(database)

    async def living(self, ids: Iterable[SessionId]) -> set[SessionId]:
        """Return which of these sign-ins have not ended."""
        found = self._sessions.collection.find({"_id": _any_of(ids)}, {"_id": True})
        return {SessionId(str(row["_id"])) async for row in found}

    async def users(self, ids: Iterable[UserId]) -> dict[UserId, User]:
        """Return these people."""
        found = self._users.collection.find({"_id": _any_of(ids)})
        return {user.id: user for user in [self._users.codec.from_document(row) async for row in found]}

    async def keys(self, ids: Iterable[KeyId]) -> dict[KeyId, ApiKey]:
        """Return these keys."""
        found = self._keys.collection.find({"_id": _any_of(ids)})
        return {key.id: key for key in [self._keys.codec.from_document(row) async for row in found]}

    async def user(self, id: str) -> User | None:
        """Return the person with this id, if it is one."""
        return (await self.users({UserId(id)})).get(UserId(id)) if ObjectId.is_valid(id) else None

    async def key(self, id: str) -> ApiKey | None:
        """Return the key with this id, if it is one."""
        return (await self.keys({KeyId(id)})).get(KeyId(id)) if ObjectId.is_valid(id) else None


def _any_of(ids: Iterable[str]) -> Document:
    return {"$in": [object_id(id) for id in ids]}
