"""What every test may ask for."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from loguru import logger

from app.outside.mongod import temporary_mongo
from tests.desk import Desk, open_desk

logger.remove()
logger.add(sys.stderr, level="WARNING")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mongo_uri() -> AsyncIterator[str]:
    """A real MongoDB for a process of the run: TEST_MONGODB_URI, else an embedded one that forgets everything."""
    if given := os.environ.get("TEST_MONGODB_URI"):
        yield given
        return
    binary = os.environ.get("MONGOD_BINARY")
    async with temporary_mongo(Path(binary) if binary else None) as uri:
        yield uri


@pytest_asyncio.fixture
async def desk(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A served company on a fresh database."""
    async with open_desk(mongo_uri, tmp_path) as opened:
        yield opened
