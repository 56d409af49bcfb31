"""Sign-ins at a platform that are under way, or whose pages wait to be connected."""

from datetime import datetime
from typing import ClassVar

from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from app.models.entity import CompanyId, GrantId
from app.models.grant import Grant
from app.stores.codec import Codec, Document, object_id


class Grants:
    """`oauth_grants`: outside the journal, as no client hears of them; a row goes when its time is up."""

    name: ClassVar[str] = "oauth_grants"
    indexes = (
        IndexModel(
            [("state_hash", ASCENDING)],
            name="state",
            unique=True,
            partialFilterExpression={"state_hash": {"$exists": True}},
        ),
        IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
    )

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)
        self.codec = Codec(Grant)

    async def create(self, grant: Grant) -> None:
        """Store a sign-in that begins."""
        await self.collection.insert_one(self.codec.to_document(grant))

    async def spend(self, company_id: CompanyId, principal: str, state_hash: str, now: datetime) -> Grant | None:
        """Spend a state, once; None when it is unknown, somebody else's, or too old."""
        where = {"state_hash": state_hash, **_of(company_id, principal, now)}
        found = await self.collection.find_one_and_update(where, {"$unset": {"state_hash": ""}})
        return self.codec.from_document(found) if found else None

    async def fill(self, id: GrantId, sealed: bytes, token_expires_at: datetime | None, expires_at: datetime) -> None:
        """Keep what the platform gave."""
        given = {"sealed": sealed, "token_expires_at": token_expires_at, "expires_at": expires_at}
        await self.collection.update_one({"_id": id}, {"$set": given})

    async def get(self, company_id: CompanyId, principal: str, id: GrantId, now: datetime) -> Grant | None:
        """Return a sign-in that gave something."""
        where = {"_id": id, "sealed": {"$exists": True}, **_of(company_id, principal, now)}
        found = await self.collection.find_one(where)
        return self.codec.from_document(found) if found else None


def _of(company_id: CompanyId, principal: str, now: datetime) -> Document:
    # The database sweeps what has expired once a minute: until then it is refused by its time.
    return {"company_id": object_id(company_id), "principal": principal, "expires_at": {"$gt": now}}
