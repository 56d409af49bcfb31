"""A bot that answers every customer once: it may be killed, cut off or away for a week, and goes on where it stood.

It needs aiohttp, and a key with the scopes feed:read, conversations:read, messages:read and messages:write:

    PARLEY_URL=http://localhost:4000 PARLEY_KEY=sk_... python examples/bot.py cursor.json
"""

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import aiohttp

Json = dict[str, Any]
POLL = 1.0  # seconds between two looks; a second apart is welcome, and 200 requests a second are the limit
WAIT = aiohttp.ClientTimeout(total=10)


class Refused(Exception):
    """An answer that another try cannot mend: {code, message, details, ...}."""

    def __init__(self, error: Json) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.error = error


class Bot:
    """The cursor is kept in a file; replies carry a key, so that what is done twice is stored once."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: str, file: Path) -> None:
        self.http, self.url, self.file = http, f"{url}/api/v1", file
        self.headers = {"X-API-Key": key}

    async def run(self) -> None:
        """Answer what comes, for ever."""
        cursor = await self.first_cursor()  # {"epoch": ..., "since": ...}: a seq counts in its epoch alone
        while True:
            try:
                page = await self.ask("GET", "/changes", params=cursor)
            except Refused as refused:
                if refused.error["code"] != "resync_required":
                    raise
                cursor = await self.begin_anew(refused.error)
                continue
            for event in page["events"]:
                if event["type"] == "message:new":
                    await self.answer(event["message"])
            cursor = self.keep({"epoch": page["epoch"], "since": page["next"]})  # after the answers, never before
            if not page["more"]:
                await asyncio.sleep(POLL)

    async def answer(self, message: Json) -> None:
        """Reply to a customer; the key makes a second try find the first one's reply."""
        if message["direction"] == "inbound":
            body = {
                "conversation_id": message["conversation_id"],
                "role": "assistant",
                "content": f"You said: {message['content']}",
                "reply_to": message["id"],
            }
            try:
                await self.ask("POST", "/messages", json=body, headers={"Idempotency-Key": f"answer-{message['id']}"})
            except Refused as refused:  # the conversation was closed, the channel is gone: go on with the next
                print(message["id"], refused, file=sys.stderr)

    async def first_cursor(self) -> Json:
        """Return where the last run stood; the first one begins at the end of the log."""
        if self.file.exists():
            return dict(json.loads(self.file.read_text()))
        page = await self.ask("GET", "/changes")
        return self.keep({"epoch": page["epoch"], "since": page["next"]})

    def keep(self, cursor: Json) -> Json:
        """Write the cursor down, whole or not at all."""
        beside = self.file.with_suffix(".new")
        beside.write_text(json.dumps(cursor))
        beside.replace(self.file)
        return cursor

    async def begin_anew(self, error: Json) -> Json:
        """Answer what is unanswered: the log cannot tell what was missed, it was pruned or a backup was restored."""
        page: Json = {"status": "open"}
        while page.get("before", "first"):
            conversations, page["before"] = await self.page("/conversations", page)
            for conversation in conversations:
                await self.answer_all(conversation["id"])
        return self.keep({"epoch": error["epoch"], "since": error["head"]})

    async def answer_all(self, conversation_id: str) -> None:
        """Answer what came after the last answer in a conversation, the oldest first."""
        newest_first, _ = await self.page(f"/conversations/{conversation_id}/messages", {})
        answered, waiting = set[str | None](), list[Json]()
        for message in newest_first:
            if message["id"] in answered or (message["direction"] == "outbound" and message["reply_to"] is None):
                break
            answered.add(message["reply_to"])
            waiting.append(message)
        for message in reversed(waiting):
            await self.answer(message)

    async def page(self, path: str, params: Json) -> tuple[list[Json], str | None]:
        """Return a page of a list, and where the next one begins."""
        whole = await self.asked("GET", path, params={"limit": 200, **params})
        return whole["data"], whole["page"]["next"]

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """Return the data of an answer. Raises Refused."""
        return (await self.asked(method, path, **request))["data"]

    async def asked(self, method: str, path: str, **request: Any) -> Json:
        """Ask until there is an answer: no network, 429 and 503 pass by themselves. Raises Refused."""
        headers, pause = {**self.headers, **request.pop("headers", {})}, 0.25
        while True:
            wait = pause * random.uniform(0.5, 1.5)
            try:
                async with self.http.request(method, self.url + path, headers=headers, timeout=WAIT, **request) as got:
                    answer: Json = await got.json()
                if answer["success"]:
                    return answer
                if not answer["error"]["retryable"]:
                    raise Refused(answer["error"])
                wait = max(wait, float(answer["error"].get("retry_after", 0)))
            except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
                print(f"no answer ({type(error).__name__}), trying again", file=sys.stderr)
            await asyncio.sleep(wait)
            pause = min(2 * pause, 10.0)


async def main() -> None:
    """Run the bot that the environment describes."""
    async with aiohttp.ClientSession() as http:
        await Bot(http, os.environ["PARLEY_URL"], os.environ["PARLEY_KEY"], Path(sys.argv[1])).run()


if __name__ == "__main__":
    asyncio.run(main())
