"""A whole deployment on this machine, to play with: `make cluster`. Ctrl-C ends all of it.

Three members of a replica set, a Redis-compatible server, and three workers on one port. What is stored is forgotten at
the end.
"""

import asyncio
import os
import signal
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from app.outside.tie import tied
from tests.cluster.redis import running_redis
from tests.cluster.replica_set import Member, running_replica_set

WORKERS = 3
LEAVE_WITHIN = 30.0  # seconds


async def main(folder: Path) -> int:
    """Start everything, say where it is, and end it when the servers end or a signal comes."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis())
        replica_set = await stack.enter_async_context(running_replica_set(folder / "replica-set"))
        primary = await replica_set.primary()
        _say("MongoDB", *(_member(each, primary) for each in replica_set.members))
        _say("Redis", f"127.0.0.1:{redis.port}  (process {_pid(redis.process)})")
        told = {"MONGODB_URI": replica_set.uri, "REDIS_URL": redis.url, "DATA_DIR": str(folder / "parley")}
        servers = await asyncio.create_subprocess_exec(
            *tied((sys.executable, "-m", "app", "serve", "--workers", str(WORKERS), *sys.argv[1:])),
            env={**os.environ, **told},
            start_new_session=True,  # Ctrl-C reaches us alone: they leave before what they need does
        )
        _say("Servers", f"process {servers.pid} supervises {WORKERS} workers", *_hints(servers.pid))
        return await _until_left(servers)


async def _until_left(servers: asyncio.subprocess.Process) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _leave, servers)
    return await servers.wait()


def _leave(servers: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        servers.terminate()


def _hints(supervisor: int) -> tuple[str, ...]:
    return (
        f"kill -HUP {supervisor}   replaces the workers one after the other",
        "kill -9 a worker, a member or Redis, or kill -STOP and -CONT it: the clients go on",
    )


def _member(member: Member, primary: Member) -> str:
    return f"{member.address}  (process {_pid(member.process)}){', primary' if member is primary else ''}"


def _pid(process: object) -> object:
    return getattr(process, "pid", "?")


def _say(what: str, *lines: str) -> None:
    print(f"{what}:", *lines, sep="\n  ", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="parley-cluster-", ignore_cleanup_errors=True) as folder:
        sys.exit(asyncio.run(main(Path(folder))))
