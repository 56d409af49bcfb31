"""Words written to a MongoDB and read back, to see that it is there and keeps them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo import AsyncMongoClient


@asynccontextmanager
async def connected(uri: str) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, serverSelectionTimeoutMS=5000, w="majority")
    async with client:
        yield client


async def write(uri: str, word: str) -> None:
    async with connected(uri) as client:
        await client.parley.words.insert_one({"word": word})


async def written(uri: str) -> list[str]:
    async with connected(uri) as client:
        return [found["word"] async for found in client.parley.words.find()]
