"""Starting and stopping a server, as a supervisor and a person at a terminal do."""

import asyncio
import json
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import socketio

from tests.cli.conftest import Call
from tests.cli.processes import ROOT, Server, heard, run, serving, started
from tests.outside.words import connected as connected_to
from tests.waiting import until

WRONG = {"BCRYPT_SALT_ROUNDS": "4", "PORT": "many", "LOG_LEVEL": "loud", "MONGODB_URI": "redis://u:pass@h"}


@pytest.mark.parametrize("command", ["serve", "demo", "create-company --name A", "new-epoch --all"])
def test_all_mistakes_in_the_settings_are_told_together(command: str, call: Call) -> None:
    done = call(*command.split(), "--json", ENVIRONMENT="production", **WRONG)
    assert (done.code, done.out) == (78, "")
    told = [line.split()[0] for line in done.err.splitlines()]
    missing = ["JWT_ACCESS_SECRET", "INTERNAL_SERVICE_API_KEY", "ENCRYPTION_KEYS"]
    assert sorted(told) == sorted([*WRONG, *missing])
    assert "u:pass" not in done.err


def test_an_unreadable_env_file_is_a_mistake_in_the_settings(call: Call, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff")
    done = call("serve")
    assert (done.code, done.err.split(" at ")[0].split(":")[0]) == (78, ".env cannot be read as UTF-8")


def test_production_has_no_demo(call: Call) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    keys = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    secrets = {"JWT_ACCESS_SECRET": secret, "INTERNAL_SERVICE_API_KEY": secret[::-1], "ENCRYPTION_KEYS": keys}
    uri = "mongodb://db.example/parley?replicaSet=rs0"
    done = call("demo", ENVIRONMENT="production", BCRYPT_SALT_ROUNDS="12", MONGODB_URI=uri, **secrets)
    assert (done.code, done.out) == (78, "")
    assert done.err.startswith("ENVIRONMENT is production, where there is no demo")


def test_a_port_that_is_taken_is_a_sentence_and_nothing_is_begun(call: Call, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = str(somebody.getsockname()[1])
        done = call("serve", "--port", port)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"Something listens on 127.0.0.1 port {port} already; --port or PORT takes another one.\n"
    assert not (tmp_path / ".parley" / "mongo").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are read from /proc")
async def test_a_server_takes_as_many_open_files_as_it_may(tmp_path: Path, uri: str) -> None:
    command = f"ulimit -Sn 300; ulimit -Hn 900; exec {sys.executable} -m app serve --json"
    async with heard(tmp_path, "bash", "-c", command, MONGODB_URI=uri) as server:
        await server.says('"url"')
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        (files,) = [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files")]
        assert files == ["900", "900"]


def test_a_host_that_is_not_here_is_a_sentence(call: Call) -> None:
    done = call("serve", "--host", "192.0.2.1", "--port", "0")
    assert done.code == 1
    assert done.err.startswith("This server cannot listen on 192.0.2.1 port 0: ")


async def test_server_py_serves_alone_in_its_folder_and_lends_its_mongodb_to_commands(
    tmp_path: Path, call: Call
) -> None:
    async with started(tmp_path, str(ROOT / "server.py"), "--json", ENVIRONMENT="test", HOSTS="typo") as server:
        assert await server.says('{"url":"http://127.0.0.1:')
        second = await run(tmp_path, "serve", "--json", ENVIRONMENT="test")
        assert (second.code, second.out) == (1, "")
        assert second.err.startswith(f"A server runs already with DATA_DIR={tmp_path / '.parley'}. Stop that one")
        port = json.loads((tmp_path / ".parley" / "mongod.json").read_bytes())["port"]
        company = await asyncio.to_thread(call, "create-company", "--name", "Acme", "--json")
        async with connected_to(f"mongodb://127.0.0.1:{port}/?replicaSet=rs0") as client:
            assert str((await client.parley.companies.find_one() or {})["_id"]) == company.object["company_id"]
        assert await server.end(signal.SIGINT) == 0
    told = "\n".join(server.err)
    assert "secrets were made for development" in told
    assert "for development only" in told
    (warning,) = [line for line in server.err if "WARNING" in line]
    assert "HOSTS is not read here; HOST is." in warning


async def test_it_leaves_within_ten_seconds_with_idle_clients_connected(tmp_path: Path, uri: str) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(tmp_path, MONGODB_URI=uri))
        clients = [await connected(server) for _ in range(20)]
        http = await stack.enter_async_context(aiohttp.ClientSession())
        mute = [await http.ws_connect(f"{server.url}/socket.io/?EIO=4&transport=websocket") for _ in range(5)]
        async with http.get(f"{server.url}/health") as kept_alive:
            assert kept_alive.status == 200
        began = time.monotonic()
        assert await server.end(within=10) == 0
        assert time.monotonic() - began < 10
        await until(lambda: not any(client.connected for client in clients))
        assert [(await each.receive()).type for each in mute][-1] is aiohttp.WSMsgType.TEXT  # its handshake
        assert [(await each.receive()).data for each in mute] == [1012] * 5


async def test_a_running_request_is_finished_first(tmp_path: Path, uri: str) -> None:
    async with serving(tmp_path, MONGODB_URI=uri, ENVIRONMENT="test", BCRYPT_SALT_ROUNDS="12") as server:
        answer, _writer = await begun_sign_in(server)
        server.process.send_signal(signal.SIGTERM)
        assert b"401" in await asyncio.wait_for(answer.readline(), 10)
        assert await asyncio.wait_for(server.process.wait(), 10) == 0


async def test_a_second_signal_waits_for_nothing(tmp_path: Path, uri: str) -> None:
    async with serving(tmp_path, MONGODB_URI=uri, ENVIRONMENT="test", BCRYPT_SALT_ROUNDS="16") as server:
        _reader, _writer = await begun_sign_in(server)
        server.process.send_signal(signal.SIGTERM)
        await server.says("stopping")
        assert await server.end(signal.SIGINT, within=2) == 128 + signal.SIGINT


async def begun_sign_in(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request that takes a while, as passwords do, and return the connection, which ends with its writer."""
    body = b'{"email": "nobody@acme.test", "password": "correct horse"}'
    head = (
        f"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await writer.drain()
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/health/live") as later:
        assert later.status == 200  # so the one before it has been heard
    return reader, writer


async def connected(server: Server) -> socketio.AsyncClient:
    """Connect an idle dashboard."""
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(server.url, auth={"api_key": server.key}, namespaces=["/company"], transports=["websocket"])
    return client
