"""What kind of MongoDB answers, and what to do before it can be used: only a replica set has transactions."""

from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError, ServerSelectionTimeoutError

from app.settings import Settings
from app.settings_mistakes import Mistake, SettingsError
from app.stores.codec import Document
from app.stores.database import connect

PROBE_MS = 1000  # a second look, at a server that is there
# https://www.mongodb.com/docs/manual/reference/error-codes/: AuthenticationFailed
WRONG_PASSWORD = 18
UNREADABLE = "MONGODB_URI cannot be read: a sign such as @ : / in a user name or password must be percent-encoded."


class Unfit(Exception):
    """This MongoDB cannot be used as it stands; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A MongoDB that can be used. `set_name` is None behind a mongos; `transaction_limit` where it will not say."""

    address: str
    version: str
    set_name: str | None
    transaction_limit: float | None


async def standing_of(settings: Settings, uri: str) -> Standing:
    """Return how the MongoDB stands that this server is to use.

    Raises Unfit with the command that mends it, SettingsError for an address that cannot be read.
    """
    try:
        async with connect(settings, uri) as client:
            hello = await client.admin.command("hello")
            await client.get_database(settings.database).list_collection_names()  # may we read it?
            return await _standing(client, hello, _at(hello, await client.address))
    except InvalidURI:
        raise SettingsError([Mistake("MONGODB_URI", UNREADABLE)]) from None  # the reason may quote the password
    except ConfigurationError as error:
        raise Unfit(f"MONGODB_URI does not lead to a MongoDB that can be used: {error}.") from None
    except ServerSelectionTimeoutError as error:
        raise await _why_none_was_found(uri, error) from None
    except OperationFailure as error:
        raise Unfit(_refused(error)) from None
    except PyMongoError as error:
        raise Unfit(f"MongoDB does not answer: {type(error).__name__}.") from None


async def _standing(client: AsyncMongoClient[Document], hello: Document, address: str) -> Standing:
    _require_set(hello, address)
    version = (await client.admin.command("buildInfo"))["version"]
    return Standing(address, version, hello.get("setName"), await _transaction_limit(client.admin))


async def _transaction_limit(admin: AsyncDatabase[Document]) -> float | None:
    """Return how many seconds a transaction may stay open; a mongos, or a user with few rights, cannot tell."""
    name = "transactionLifetimeLimitSeconds"
    try:
        return float((await admin.command({"getParameter": 1, name: 1}))[name])
    except OperationFailure:
        return None


def _require_set(hello: Document, address: str) -> None:
    if hello.get("setName") or hello.get("msg") == "isdbgrid":  # the latter is how a mongos says what it is
        return
    member = f'{{_id: "rs0", members: [{{_id: 0, host: "{address}"}}]}}'
    initiate = f"mongosh mongodb://{address}/ --eval 'rs.initiate({member})'"
    if hello.get("isreplicaset"):
        raise Unfit(f"The replica set of the MongoDB at {address} was never initiated. Once: {initiate}")
    raise Unfit(
        f"The MongoDB at {address} is a standalone, and a standalone has no transactions. To make it a replica set of "
        f"one, start it with --replSet rs0 (in mongod.conf: replication.replSetName) and then, once: {initiate}"
    )


async def _why_none_was_found(uri: str, error: ServerSelectionTimeoutError) -> Unfit:
    """Look again at a server of which a replica set was expected: it may stand alone, or bear another name."""
    reason = str(error).partition(" (configured")[0].partition(", Timeout")[0]
    try:
        hello, address = await _hello_directly(uri)
        _require_set(hello, address)
    except Unfit as unfit:
        return unfit
    except PyMongoError:
        return Unfit(f"No MongoDB answers: {reason}. Does it run, and does MONGODB_URI name it?")
    return Unfit(
        f"The MongoDB at {address} is of the replica set {hello.get('setName')}, and MONGODB_URI names another, or one "
        f"that has no primary now: {reason}."
    )


async def _hello_directly(uri: str) -> tuple[Document, str]:
    options: dict[str, Any] = {"replicaSet": None, "directConnection": True, "serverSelectionTimeoutMS": PROBE_MS}
    async with AsyncMongoClient[Document](uri, **options) as client:
        hello = await client.admin.command("hello")
        return hello, _at(hello, await client.address)


def _at(hello: Document, address: tuple[str, int | None] | None) -> str:
    """Write where the server is: as its set knows it, else as we reached it."""
    if "me" in hello:
        return str(hello["me"])
    host, port = address or ("127.0.0.1", 27017)
    return f"{host}:{port}"


def _refused(error: OperationFailure) -> str:
    if error.code == WRONG_PASSWORD:
        return "MongoDB refuses the user name or the password of MONGODB_URI."
    return f"MongoDB refuses: {error.details['errmsg'] if error.details else error}"
