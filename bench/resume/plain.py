"""Read a log in pages as large as the server's, with the driver alone, and print the seconds it took."""

import sys
import time
from typing import Any

import uvloop
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

PAGE = 200


async def main(uri: str) -> None:
    """Read once unmeasured, then once for the figure."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, tz_aware=True, readConcernLevel="majority")
    async with client:
        events = client.get_default_database().events
        await read(events)
        began = time.monotonic()
        await read(events)
        print(time.monotonic() - began)


async def read(events: AsyncCollection[dict[str, Any]]) -> None:
    """Every page after the one before."""
    where: dict[str, Any] = {}
    while page := await events.find(where).sort("_id", 1).limit(PAGE).to_list():
        where = {"_id": {"$gt": page[-1]["_id"]}}


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
