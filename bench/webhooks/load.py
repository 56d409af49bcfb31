"""Post signed batches from several connections and count what a listener hears: python -m bench.webhooks.load JSON.

Prints one line of JSON: when the first batch was written, when the last was answered, and when the last was heard.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import sys
import time
from typing import Any

import aiohttp
import orjson
import uvloop

QUIET = 20.0  # seconds without another event


async def main(told: dict[str, Any]) -> None:
    """Post, listen, tell."""
    heard = [0, 0.0]
    async with aiohttp.ClientSession() as http, http.ws_connect(told["socket"], max_msg_size=0) as socket:
        listening = asyncio.create_task(listen(socket, told, heard))
        await asyncio.wait_for(told_ready(heard), QUIET)
        began = time.time()
        numbers = itertools.count()
        await asyncio.gather(*(post(http, told, numbers) for _ in range(told["connections"])))
        answered = time.time()
        async with asyncio.timeout(QUIET):
            while heard[0] < told["batches"] * told["batch"]:
                await asyncio.sleep(0.01)
        listening.cancel()
    print(json.dumps({"began": began, "answered": answered, "heard": heard[1], "events": heard[0]}), flush=True)


async def told_ready(heard: list[float]) -> None:
    """Wait until the listener is in its room."""
    while heard[1] == 0:
        await asyncio.sleep(0.01)


async def listen(socket: aiohttp.ClientWebSocketResponse, told: dict[str, Any], heard: list[float]) -> None:
    """Speak as little Socket.IO as it takes; count messages."""
    auth = json.dumps({"api_key": told["key"]})
    await socket.send_str(f"40/company,{auth}")
    async for frame in socket:
        said = frame.data
        if said == "2":
            await socket.send_str("3")
        elif '"sync:ready"' in said[:40]:
            heard[1] = time.time()
        elif '"message:new"' in said[:40]:
            heard[0] += 1
            heard[1] = time.time()


async def post(http: aiohttp.ClientSession, told: dict[str, Any], numbers: "itertools.count[int]") -> None:
    """Post batch after batch until all are taken."""
    while (number := next(numbers)) < told["batches"]:
        body = orjson.dumps(batch(told, number))
        digest = hmac.new(told["secret"].encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-hub-signature-256": f"sha256={digest}", "content-type": "application/json"}
        async with http.post(told["url"], data=body, headers=headers) as response:
            if response.status != 200:
                raise SystemExit(f"a batch was answered {response.status}: {await response.text()}")


def batch(told: dict[str, Any], number: int) -> dict[str, Any]:
    """A webhook of WhatsApp with so many messages of so many customers."""
    messages = [
        {
            "from": f"49170{(number * told['batch'] + each) % told['customers']:07}",
            "id": f"wamid.{told['run']}.{number}.{each}",
            "timestamp": str(int(time.time())),
            "type": "text",
            "text": {"body": "Is my order on its way? " * 4},
        }
        for each in range(told["batch"])
    ]
    contacts = [{"profile": {"name": "Ann"}, "wa_id": message["from"]} for message in messages]
    value = {"metadata": {"phone_number_id": told["account"]}, "contacts": contacts, "messages": messages}
    changes = [{"field": "messages", "value": value}]
    return {"object": "whatsapp_business_account", "entry": [{"id": "W", "changes": changes}]}


if __name__ == "__main__":
    uvloop.run(main(json.loads(sys.argv[1])))
