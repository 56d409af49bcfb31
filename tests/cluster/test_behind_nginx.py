"""Servers that are replaced one after the other behind the proxy: no request fails, and every client goes on."""

import re
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from app.outside.mongod_process import free_port
from tests.cli.processes import serving
from tests.cluster.load import Load
from tests.cluster.nginx import program, proxied
from tests.cluster.redis import Redis
from tests.desk import database_uri
from tests.waiting import until

LISTENERS = 4


@pytest.mark.skipif(program() is None, reason="nginx is not installed: sudo apt-get install -y nginx-light")
async def test_servers_are_replaced_behind_nginx_without_one_failed_request(
    mongo_uri: str, redis: Redis, tmp_path: Path
) -> None:
    told = {"MONGODB_URI": database_uri(mongo_uri), "REDIS_URL": redis.url, "RATE_LIMITS": "off", "LOG_LEVEL": "INFO"}
    ports = [free_port(None), free_port(None)]
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(tmp_path, PORT=str(ports[0]), **told))
        servers = [first, await stack.enter_async_context(serving(tmp_path, PORT=str(ports[1]), **told))]
        proxy = await stack.enter_async_context(proxied(tmp_path, ports))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        load = Load(http, [proxy], first.key, first.contact_id)
        stack.push_async_callback(load.end)
        for _ in range(LISTENERS):
            await load.listen()
        load.start(6, pause=0.005)
        await load.more(100)
        for number, port in enumerate(ports):
            assert await servers[number].end() == 0
            await load.more(30)
            since = (tmp_path / "access.log").stat().st_size
            await stack.enter_async_context(serving(tmp_path, PORT=str(port), **told))
            await trusted_again(tmp_path / "access.log", since, port)
            await load.more(30)
        await load.stop()
        await load.prove(within=10)
        assert load.failed == []


async def trusted_again(log: Path, since: int, port: int) -> None:
    """Wait until nginx, which holds a server that went away for dead for two seconds, has an answer of it again.

    A line ends with the servers that were asked, in their order: the last one has answered.
    """
    answered = re.compile(rf'" 20\d .*127\.0\.0\.1:{port}$', re.MULTILINE)
    await until(lambda: answered.search(log.read_text()[since:]), within=30)
