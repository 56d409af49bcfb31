"""A stand-in for a server: it holds an embedded MongoDB until SIGINT, and still writes to it after that.

python -m tests.outside.holder DATA_DIR
"""

import asyncio
import signal
import sys
from pathlib import Path

from app.outside.mongod import embedded_mongo
from tests.outside.words import write


async def hold(data_dir: Path) -> None:
    """Say where MongoDB is, wait to be interrupted, say whether it was still there then."""
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    async with embedded_mongo(data_dir, "server") as uri, asyncio.timeout(60):
        print(uri, flush=True)
        await interrupted.wait()
        await write(uri, "last words")
        print("written", flush=True)


if __name__ == "__main__":
    asyncio.run(hold(Path(sys.argv[1])))
