"""Several workers on one port: what becomes of clients when they are replaced, and when they die."""

import asyncio
import json
import os
import re
import signal
import sys
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.alive import runs
from tests.cli.processes import ROOT, Server, heard, run, serving
from tests.cluster.load import Load
from tests.cluster.redis import Redis
from tests.cluster.workers import workers
from tests.desk import database_uri
from tests.waiting import until

WORKERS = 3
LISTENERS = 6


@asynccontextmanager
async def crew(folder: Path, mongo_uri: str, redis: Redis, **more: str) -> AsyncIterator[tuple[Server, Load]]:
    """Run a supervisor with workers, bots that write to them and dashboards that listen."""
    told = {"MONGODB_URI": database_uri(mongo_uri), "REDIS_URL": redis.url, "LOG_LEVEL": "INFO", **more}
    async with (
        serving(folder, "serve", "--workers", str(WORKERS), RATE_LIMITS="off", **told) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        load = Load(http, [server.url], server.key, server.contact_id)
        try:
            yield server, load
        finally:
            await load.end()


async def busy(load: Load) -> None:
    for _ in range(LISTENERS):
        await load.listen()
    load.start(6, pause=0.005)
    await load.more(100)


async def test_workers_are_replaced_without_one_failed_request(mongo_uri: str, redis: Redis, tmp_path: Path) -> None:
    async with crew(tmp_path, mongo_uri, redis) as (server, load):
        before = workers(server)
        assert len(before) == WORKERS
        await busy(load)
        server.process.send_signal(signal.SIGHUP)
        await server.says("every worker has been replaced", within=90)
        await load.more(100)
        after = workers(server)
        assert len(after) == WORKERS
        assert not set(before) & set(after)
        await load.stop()
        await load.prove(within=10)
        assert load.failed == []
        assert all(each.connects > 1 for each in load.listeners)


async def test_who_is_sent_away_is_told_when_to_come_back(mongo_uri: str, redis: Redis, tmp_path: Path) -> None:
    async with crew(tmp_path, mongo_uri, redis) as (server, load):
        async with load.http.ws_connect(f"{server.url}/socket.io/?EIO=4&transport=websocket") as socket:
            await socket.receive()
            await socket.send_str("40/company," + json.dumps({"api_key": load.key}))
            said = [""]
            while "sync:ready" not in said[-1]:
                said.append((await socket.receive(timeout=10)).data)
            await server.end()
            while (message := await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
                said.append(message.data)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1012)
        drain = [json.loads(each.removeprefix("42/company,")) for each in said if "server:drain" in each]
        assert [(name, set(body), 0 <= body["reconnect_in"] <= 5000) for name, body in drain] == [
            ("server:drain", {"type", "reconnect_in"}, True)
        ]


async def test_workers_that_are_killed_again_and_again_lose_nothing(
    mongo_uri: str, redis: Redis, tmp_path: Path
) -> None:
    async with crew(tmp_path, mongo_uri, redis) as (server, load):
        await busy(load)
        for number in range(10):
            pids = workers(server)
            os.kill(pids[number % len(pids)], signal.SIGKILL)
            await load.more(20, within=20)
            await until(lambda: _manned(server), within=30)
        await load.more(100)
        await load.stop()
        await load.prove()


async def _manned(server: Server) -> bool:
    return len(workers(server)) == WORKERS


async def test_workers_go_when_their_supervisor_is_killed(mongo_uri: str, redis: Redis, tmp_path: Path) -> None:
    async with crew(tmp_path, mongo_uri, redis) as (server, _):
        left = workers(server)
        assert await server.end(signal.SIGKILL) == -signal.SIGKILL
        await until(lambda: not any(runs(pid) for pid in left), within=30)


async def test_a_port_is_one_supervisors(mongo_uri: str, redis: Redis, tmp_path: Path) -> None:
    async with crew(tmp_path, mongo_uri, redis) as (server, _):
        port = server.url.rpartition(":")[2]
        second = await run(tmp_path, "serve", "--workers", "2", "--port", port, MONGODB_URI=database_uri(mongo_uri))
        assert (second.code, second.out) == (1, "")
        assert second.err.startswith(f"Something listens on 127.0.0.1 port {port} already")


async def test_a_stop_in_the_middle_of_a_roll_lets_everyone_leave_in_order(
    mongo_uri: str, redis: Redis, tmp_path: Path
) -> None:
    async with crew(tmp_path, mongo_uri, redis) as (server, load):
        await asyncio.gather(*(kept_alive(load, server) for _ in range(12)))  # so that leaving takes a while
        server.process.send_signal(signal.SIGHUP)
        await server.says("stopping")  # the first worker, since its successor serves
        assert await server.end(within=40) == 0
        assert sum("stopped" in line for line in server.err) == WORKERS + 1


async def kept_alive(load: Load, server: Server) -> None:
    """Leave a connection open that nothing is asked on any more."""
    async with load.http.get(f"{server.url}/health/live") as response:
        assert response.status == 200


async def test_a_slot_whose_worker_cannot_be_started_is_tried_again(
    mongo_uri: str, redis: Redis, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    libraries = os.pathsep.join((str(ROOT), sysconfig.get_paths()["purelib"]))
    told = {"MONGODB_URI": database_uri(mongo_uri), "PORT": "0", "PYTHONPATH": libraries}
    async with heard(tmp_path, str(python), "-m", "app", "serve", "--json", "--workers", "2", **told) as server:
        await server.says('"url"')
        python.unlink()
        os.kill(workers(server)[0], signal.SIGKILL)
        await server.says("a worker could not be started")
        assert len(workers(server)) == 1
        python.symlink_to(sys.executable)

        async def manned() -> bool:
            return len(workers(server)) == 2

        await until(manned, within=30)
        assert await server.end(within=40) == 0


async def test_each_line_of_the_log_says_which_worker_wrote_it(mongo_uri: str, redis: Redis, tmp_path: Path) -> None:
    async with crew(tmp_path, mongo_uri, redis) as (server, load):
        for slot, pid in enumerate(sorted(workers(server))):
            line = await server.says(f"pid={pid}")
            assert "a worker serves" in line
            assert f"slot={slot}" in "".join(each for each in server.err if "a worker serves" in each)
        load.start(1, pause=0.01)
        await load.more(10)
        line = await server.says("request")
        assert re.search(rf"\bslot=[0-{WORKERS - 1}]\b", line), line


async def test_a_count_of_no_workers_is_refused(tmp_path: Path) -> None:
    done = await run(tmp_path, "serve", "--workers", "0")
    assert (done.code, "1 to 512 processes" in done.err) == (2, True)


async def test_a_worker_that_hangs_is_replaced(mongo_uri: str, redis: Redis, tmp_path: Path) -> None:
    patient = "import sys; import app.commands.worker as worker; worker.MOST_SILENT = 5; import app.cli as cli; "
    program = f"sys.path.insert(0, {str(ROOT)!r}); {patient}sys.exit(cli.main(sys.argv[1:]))"
    told = {"MONGODB_URI": database_uri(mongo_uri), "REDIS_URL": redis.url, "PORT": "0"}
    command = (sys.executable, "-c", f"import sys; {program}", "serve", "--json", "--workers", "2")
    async with heard(tmp_path, *command, **told) as server:
        await server.says('"url"')
        before = workers(server)
        os.kill(before[0], signal.SIGSTOP)
        await server.says("a worker hangs; it is ended", within=60)

        async def manned() -> bool:
            now = workers(server)
            return len(now) == 2 and before[0] not in now

        await until(manned, within=60)
        assert before[1] in workers(server)
        assert await server.end(within=40) == 0
