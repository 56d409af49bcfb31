"""Staff, their sign-ins, and the keys of bots and services."""

from collections import Counter
from datetime import datetime, timedelta
from typing import ClassVar

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collation import Collation
from pymongo.errors import DuplicateKeyError

from app.errors import Duplicate
from app.models.entity import CompanyId, KeyId, SessionId, UserId
from app.models.people import ApiKey, Session, Span, User
from app.stores.codec import Codec, Document, object_id

LIVING: Document = {"$expr": {"$gt": ["$expires_at", "$$NOW"]}}
JUST_SPENT: Document = {"$ifNull": ["$just_spent", []]}


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _from_now(span: timedelta) -> Document:
    return {"$add": ["$$NOW", _milliseconds(span)]}


class Users:
    """`users`: staff, one address one person."""

    name: ClassVar[str] = "users"
    indexes = (
        IndexModel([("email", ASCENDING)], name="email", unique=True),
        IndexModel([("company_id", ASCENDING)], name="company"),
    )

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)
        self.codec = Codec(User)

    async def create(self, user: User) -> None:
        """Store a new person."""
        try:
            await self.collection.insert_one(self.codec.to_document(user))
        except DuplicateKeyError:
            raise Duplicate("Somebody signs in with this address already.") from None

    async def with_email(self, email: str) -> User | None:
        """Return the person who signs in with this address; the one query that knows no company yet."""
        found = await self.collection.find_one({"email": email})
        return self.codec.from_document(found) if found else None

    async def get(self, company_id: CompanyId, id: UserId) -> User | None:
        """Return one person of the company."""
        found = await self.collection.find_one({"_id": object_id(id), "company_id": object_id(company_id)})
        return self.codec.from_document(found) if found else None

    async def of_company(self, company_id: CompanyId) -> list[User]:
        """Return the staff of the company by name, those who were let go too."""
        return await self._by_name({"company_id": object_id(company_id)})

    async def of_all(self) -> list[User]:
        """Return the staff of every company, for operators alone."""
        return await self._by_name({})

    async def _by_name(self, which: Document) -> list[User]:
        found = self.collection.find(which).sort([("company_id", 1), ("name", 1), ("_id", 1)])
        found = found.collation(Collation("en", strength=2))  # ben before Zoe
        return [self.codec.from_document(document) async for document in found]

    async def deactivate(self, company_id: CompanyId, id: UserId) -> User | None:
        """Let a person in no more, and return them; None when there is none."""
        return await self._set(company_id, id, {"active": False})

    async def activate(self, company_id: CompanyId, id: UserId) -> User | None:
        """Let a person in again, and return them; None when there is none."""
        return await self._set(company_id, id, {"active": True})

    async def set_password(self, company_id: CompanyId, id: UserId, password_hash: str) -> User | None:
        """Store the hash of another password, and return the person; None when there is none."""
        return await self._set(company_id, id, {"password_hash": password_hash})

    async def remember_site(self, company_id: CompanyId, id: UserId, site: str, most: int) -> None:
        """Note a place as the latest from which a person signed in, and keep that many."""
        others = {"$filter": {"input": {"$ifNull": ["$sites", []]}, "cond": {"$ne": ["$$this", site]}}}
        await self.collection.update_one(
            {"_id": object_id(id), "company_id": object_id(company_id)},
            [{"$set": {"sites": {"$slice": [{"$concatArrays": [others, [site]]}, -most]}}}],
        )

    async def _set(self, company_id: CompanyId, id: UserId, fields: Document) -> User | None:
        found = await self.collection.find_one_and_update(
            {"_id": object_id(id), "company_id": object_id(company_id)},
            {"$set": fields},
            return_document=ReturnDocument.AFTER,
        )
        return self.codec.from_document(found) if found else None


MOST_SPENT = 32  # tokens that one sign-in can have spent within the grace, far more than its limit lets through


class Sessions:
    """`sessions`: one row a sign-in; the row goes when its refresh token would have expired.

    Besides the session it keeps `just_spent`: the numbers of tokens that were spent within the grace, and when, by the
    database's clock. `token_hash` is that of token number 0: one that was random, before tokens were numbered, is
    found by it.
    """

    name: ClassVar[str] = "sessions"
    indexes = (
        IndexModel([("token_hash", ASCENDING)], name="token", unique=True),
        IndexModel([("user_id", ASCENDING)], name="user"),
        IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
    )

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)
        self.codec = Codec(Session)

    async def create(self, session: Session) -> None:
        """Store a new sign-in."""
        await self.collection.insert_one(self.codec.to_document(session))

    async def get(self, company_id: CompanyId, id: SessionId) -> Session | None:
        """Return a sign-in that was not ended."""
        found = await self.collection.find_one({"_id": object_id(id), "company_id": object_id(company_id)})
        return self.codec.from_document(found) if found else None

    async def with_hash(self, token_hash: str) -> Session | None:
        """Return the sign-in whose token number 0 has this hash."""
        found = await self.collection.find_one({"token_hash": token_hash})
        return self.codec.from_document(found) if found else None

    async def rotate(self, id: SessionId, n: int, key: str, span: Span) -> Session | None:
        """Spend the token of this number if it is the current one, which the next is then; else None."""
        still = {"$filter": {"input": JUST_SPENT, "cond": {"$gte": ["$$this.at", _from_now(-span.grace)]}}}
        renewed: Document = {
            "n": n + 1,
            "key": key,
            "expires_at": {"$min": [_from_now(span.unused), {"$add": ["$created_at", _milliseconds(span.most)]}]},
            "just_spent": {"$slice": [{"$concatArrays": [[{"n": n, "at": "$$NOW"}], still]}, MOST_SPENT]},
        }
        found = await self.collection.find_one_and_update(
            {"_id": object_id(id), "n": n or {"$in": [0, None]}, **LIVING},
            [{"$set": renewed}, {"$unset": ["spent", "spent_at"]}],  # the latter: what was kept of random tokens
            return_document=ReturnDocument.AFTER,
        )
        return self.codec.from_document(found) if found else None

    async def retried(self, id: SessionId, n: int, span: Span) -> Session | None:
        """Return the sign-in if the token of this number was spent within the grace."""
        is_it = {"$and": [{"$eq": ["$$this.n", n]}, {"$gte": ["$$this.at", _from_now(-span.grace)]}]}
        within = {"$ne": [{"$filter": {"input": JUST_SPENT, "cond": is_it}}, []]}
        found = await self.collection.find_one({"_id": object_id(id), "$expr": {"$and": [LIVING["$expr"], within]}})
        return self.codec.from_document(found) if found else None

    async def end_spent(self, id: SessionId, n: int) -> bool:
        """End a sign-in whose token of this number was spent before; tell whether it was."""
        return (await self.collection.delete_one({"_id": object_id(id), "n": {"$gt": n}})).deleted_count == 1

    async def by_key(self) -> Counter[str]:
        """Count the living sign-ins by the key that their refresh token was made with; "" for a random one."""
        counted = await self.collection.aggregate([{"$match": LIVING}, {"$sortByCount": {"$ifNull": ["$key", ""]}}])
        return Counter({str(row["_id"]): int(row["count"]) async for row in counted})

    async def end(self, id: SessionId) -> None:
        """End a sign-in: neither its refresh token nor its access tokens are worth anything after it."""
        await self.collection.delete_one({"_id": object_id(id)})

    async def end_all_of(self, company_id: CompanyId, user_id: UserId) -> int:
        """End all sign-ins of a person, and return how many there were."""
        whose = {"user_id": object_id(user_id), "company_id": object_id(company_id)}
        return (await self.collection.delete_many(whose)).deleted_count


class ApiKeys:
    """`api_keys`: found by their prefix, known by their hash."""

    name: ClassVar[str] = "api_keys"
    indexes = (
        IndexModel([("prefix", ASCENDING)], name="prefix", unique=True),
        IndexModel([("company_id", ASCENDING)], name="company"),
    )

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.collection = database.get_collection(self.name)
        self.codec = Codec(ApiKey)

    async def create(self, key: ApiKey) -> None:
        """Store a new key; the key itself is not in it."""
        await self.collection.insert_one(self.codec.to_document(key))

    async def with_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key that begins like this; the one query that knows no company yet."""
        found = await self.collection.find_one({"prefix": prefix})
        return self.codec.from_document(found) if found else None

    async def of_company(self, company_id: CompanyId) -> list[ApiKey]:
        """Return the keys of the company, oldest first, the revoked ones too."""
        return await self._by_age({"company_id": object_id(company_id)})

    async def of_all(self) -> list[ApiKey]:
        """Return the keys of every company, for operators alone."""
        return await self._by_age({})

    async def _by_age(self, which: Document) -> list[ApiKey]:
        found = self.collection.find(which).sort([("company_id", 1), ("_id", 1)])
        return [self.codec.from_document(document) async for document in found]

    async def revoke(self, company_id: CompanyId, id: KeyId, now: datetime) -> ApiKey | None:
        """Revoke a key, unless it was before, and return it; None when there is none."""
        found = await self.collection.find_one_and_update(
            {"_id": object_id(id), "company_id": object_id(company_id)},
            [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", now]}}}],
            return_document=ReturnDocument.AFTER,
        )
        return self.codec.from_document(found) if found else None
