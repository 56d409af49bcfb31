"""The examples as clients under test."""

import asyncio
import itertools
import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients.scenarios import Client, Trait
from tests.clients.stage import Stage
from tests.desk import PASSWORD
from tests.sockets.dashboards import JS, node

EXAMPLES = Path(__file__).parents[2] / "examples"
DRIVER = Path(__file__).with_name("drive.mjs")
PATIENCE = 60.0  # seconds


@dataclass
class Dashboard(Client):
    """examples/dashboard.mjs in Node; the tabs of one browser share a folder."""

    traits = Trait.SOCKET | Trait.SIGN_IN
    process: asyncio.subprocess.Process | None = None
    sent: list[str] = field(default_factory=list)
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _listening: "asyncio.Task[None] | None" = None

    async def open(self, stage: Stage, *, sleepy: bool = False) -> None:
        """Start Node; the first tab signs in."""
        home, file = stage.folder / "dashboard", stage.folder / "session.json"
        if not home.exists():
            home.mkdir()
            shutil.copy(DRIVER, home)
            shutil.copy(EXAMPLES / "dashboard.mjs", home)
            (home / "node_modules").symlink_to(JS / "node_modules")
        self.process = await asyncio.create_subprocess_exec(
            node(), "drive.mjs", cwd=home, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24
        )
        self._listening = asyncio.create_task(self._listen(self.process))
        who = {} if file.exists() else {"email": stage.desk.email, "password": PASSWORD}
        where = {"url": stage.proxy.url, "file": str(file), "conversation_id": stage.conversation_id}
        await self._do("open", sleepy=sleepy, **where, **who)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            told = json.loads(line)
            answer = self._answers.pop(told["id"])
            if not answer.done():
                answer.set_exception(AssertionError(told["error"])) if "error" in told else answer.set_result(
                    told.get("value")
                )

    async def _do(self, deed: str, **details: Any) -> Any:
        assert self.process is not None
        assert self.process.stdin is not None
        id = next(self._numbers)
        answer = self._answers[id] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(json.dumps({"id": id, "deed": deed, **details}).encode() + b"\n")
        return await asyncio.wait_for(answer, PATIENCE)

    async def say(self, stage: Stage, words: str) -> None:
        """Send a message."""
        self.sent.append(words)
        await self._do("send", content=words)

    def stores(self, words: str) -> str:
        """Return the words as they are."""
        return words

    async def say_around_expiry(self, stage: Stage, words: list[str]) -> None:
        """Send each in the moment in which the token ends."""
        self.sent += words
        await self._do("sendAroundExpiry", contents=words)

    async def state(self) -> dict[str, Any]:
        """Return what the dashboard shows, and what it asked its user."""
        return dict(await self._do("state"))

    async def has_expired(self) -> bool:
        """Tell whether the access token has run out, so that a renewal would have been due."""
        return bool(await self._do("expired"))

    async def shows(self, words: str) -> bool:
        """Tell whether a message with these words is shown."""
        return any(content == words for _, content in (await self.state())["messages"])

    async def renewals(self) -> int:
        """Return how often this tab has renewed the session."""
        return int((await self._do("state"))["renewals"])

    async def complaint(self, stage: Stage) -> str | None:
        """Compare what is shown with what is stored."""
        state, log = await self._do("state"), await stage.log()
        stored = [[message["id"], message["content"]] for message in log]
        if state["asked"]:
            return f"The user had to sign in: {state['asked']}"
        if state["messages"] != stored:
            return f"{state['messages']} is shown, {stored} is stored."
        words = [content for _, content in stored]
        wrong = [each for each in self.sent if words.count(each) != 1]
        return f"Stored never, or more than once: {wrong}." if wrong else None

    async def close(self) -> None:
        """End Node."""
        if self.process is not None and self._listening is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            await asyncio.wait_for(self.process.wait(), PATIENCE)
            await self._listening


@dataclass
class Bot(Client):
    """examples/bot.py in a Python of its own."""

    traits = Trait.FILE
    asks_with = b"POST /api/v1/messages"
    process: asyncio.subprocess.Process | None = None
    key: str = ""

    async def open(self, stage: Stage, *, sleepy: bool = False) -> None:
        """Start it, and wait until it knows where it begins."""
        scopes = ("feed:read", "conversations:read", "messages:read", "messages:write")
        self.key = self.key or await stage.desk.new_key(*scopes)
        file = stage.folder / "cursor.json"
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(EXAMPLES / "bot.py"),
            str(file),
            env={**os.environ, "PARLEY_URL": stage.proxy.url, "PARLEY_KEY": self.key},
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(PATIENCE):
            while not file.exists():
                await asyncio.sleep(0.02)

    async def say(self, stage: Stage, words: str) -> None:
        """Let a customer ask; the answer is waited for at the end."""
        await stage.customer_writes(words)

    def stores(self, words: str) -> str:
        """Return the answer."""
        return f"You said: {words}"

    async def complaint(self, stage: Stage) -> str | None:
        """Compare the answers with what was asked since the bot began: after the first two messages."""
        log = (await stage.log())[2:]
        asked = [message["id"] for message in log if message["direction"] == "inbound"]
        answered = [message["reply_to"] for message in log if message["direction"] == "outbound"]
        return None if answered == asked else f"{asked} was asked, {answered} was answered."

    async def kill(self) -> None:
        """Kill it."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def close(self) -> None:
        """Kill it, if it was started: it has no other end."""
        if self.process is not None and self.process.returncode is None:
            await self.kill()


CLIENTS: dict[str, type[Dashboard] | type[Bot]] = {"dashboard.mjs": Dashboard, "bot.py": Bot}
