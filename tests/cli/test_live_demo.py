"""`make demo`: customers write on four platforms, read what they are sent, and answer; nothing is left of it."""

import asyncio
import os
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp

from app.outside.mongod_process import free_port
from tests.alive import runs
from tests.cli.processes import ROOT, run
from tests.waiting import until


async def test_customers_write_and_answer_and_nothing_is_left() -> None:
    port = free_port(None)
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fake_platforms.demo", "--port", str(port), "--pace", "0.3"),
        cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        key = await key_told(demo, port)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}/api/v1/", headers={"X-API-Key": key}) as http:
            written = await until(lambda: on_four_platforms(http), within=60)
            await until(lambda: answered(http, written["whatsapp"]), within=30)
            await until(lambda: answered(http, written["telegram"]), within=30)
        children = children_of(demo.pid)
        demo.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(demo.wait(), 30) == 0
        await until(lambda: not [pid for pid in children if runs(pid)], within=10)
    finally:
        if demo.returncode is None:
            demo.terminate()
            await demo.wait()


async def key_told(demo: asyncio.subprocess.Process, port: int) -> str:
    """Return the bot key, from the file that is named where there is no terminal; what is to be copied works."""
    assert demo.stdout is not None
    async with asyncio.timeout(90):
        while line := (await demo.stdout.readline()).decode():
            assert "sk_" not in line
            if found := re.search(r" is in (/\S+)$", line.rstrip()):
                told = Path(found[1])
                assert told.stat().st_mode & 0o777 == 0o600
                return await copied(told.read_text("utf-8"), port)
    raise AssertionError("the demo ended before it told a key")


async def copied(told: str, port: int) -> str:
    """Copy the line that answers, and return its key."""
    (line,) = re.findall(r"^  (PARLEY_KEY=.* reply .*)$", told, re.MULTILINE)
    variable, _python, *words = shlex.split(line)
    name, key = variable.split("=", 1)
    assert words[-2:] == ["--url", f"http://127.0.0.1:{port}"]
    done = await run(ROOT, *words[2:], **{name: key})
    assert (done.code, done.out) == (0, "It is sent.\n"), done
    return key


async def get(http: aiohttp.ClientSession, path: str) -> list[dict[str, Any]]:
    async with http.get(path) as response:
        found: list[dict[str, Any]] = (await response.json())["data"]
        return found


async def on_four_platforms(http: aiohttp.ClientSession) -> dict[str, str]:
    """Return a conversation of each platform that a customer has opened through its webhook; all four, or none."""
    live = {each["platform"]: each["id"] for each in await get(http, "conversations") if each["channel_id"]}
    live.pop("web", None)
    return live if len(live) == 4 else {}


async def answered(http: aiohttp.ClientSession, conversation_id: str) -> bool:
    """Reply, unless that was done, and tell whether the customer has answered since."""
    messages = await get(http, f"conversations/{conversation_id}/messages")
    replies = [each for each in messages if each["content"] == "Of course!"]
    if not replies:
        body = {"conversation_id": conversation_id, "role": "operator", "content": "Of course!"}
        async with http.post("messages", json=body) as response:
            assert response.status == 201, await response.text()
        return False
    assert replies[0]["delivery"]["state"] in ("queued", "sent", "delivered", "read")
    return any(each["direction"] == "inbound" and each["seq"] > replies[0]["seq"] for each in messages)


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
