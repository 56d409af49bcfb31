"""Make a lone mongod the primary of its one-node replica set, on whichever port it listens now."""

import asyncio
from contextlib import suppress
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from app.outside.mongod_binary import MongodError

Client = AsyncMongoClient[dict[str, Any]]

POLL = 0.01  # seconds; an election of one takes about 50 ms
# A mongod on another port first calls its old one, and waits 30 s where somebody listens there and says nothing.
PRIMARY_WAIT = 60.0
ANSWER_WAIT = 5.0


async def become_primary(port: int) -> str:
    """Bring the mongod on this port to where it takes writes; gives back its version.

    It looks, does what is missing, and looks again: a new set is initiated, one that knows itself by another port is
    told the new one. Raises MongodError after PRIMARY_WAIT seconds.
    """
    async with directly(port) as client:
        try:
            async with asyncio.timeout(PRIMARY_WAIT):
                while not await _is_primary(client):
                    with suppress(OperationFailure):  # it still loads its configuration
                        await _configure(client, f"127.0.0.1:{port}")
                    await asyncio.sleep(POLL)
                return str((await client.admin.command("buildInfo"))["version"])
        except (TimeoutError, PyMongoError) as error:
            raise MongodError(f"The embedded MongoDB on port {port} does not become primary: {error!r}.") from error


async def takes_writes(port: int) -> bool:
    """Tell whether a primary answers on this port."""
    async with directly(port) as client:
        try:
            return await _is_primary(client)
        except PyMongoError:
            return False


def directly(port: int, within: float = ANSWER_WAIT) -> Client:
    """Connect to this member as it is; a replica-set connection would wait for the primary that is yet to come."""
    limit = int(within * 1000)
    return AsyncMongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=limit, timeoutMS=limit)


async def _is_primary(client: Client) -> bool:
    return bool((await client.admin.command("hello"))["isWritablePrimary"])


async def _configure(client: Client, address: str) -> None:
    # Read from its own database: before it has loaded that, replSetGetConfig says that there is no configuration.
    config = await client.local["system.replset"].find_one()
    if config is None:
        await client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": address}]})
    elif config["members"][0]["host"] != address:
        # Without force only a primary may, and it will not be one before it finds its own address in the list.
        moved = config | {"version": config["version"] + 1, "members": [config["members"][0] | {"host": address}]}
        await client.admin.command("replSetReconfig", moved, force=True)
