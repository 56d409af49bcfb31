"""A live inbox to look at: the server, the fake platforms beside it, and customers who write and answer.

python -m tests.fake_platforms.demo [--port 4000] [--pace 4]

Everything is on this machine and in a folder of its own, which is gone at the end. The customers pause when a hundred
of their messages lie unanswered.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from app.outside.files import write_atomically
from tests.fake_platforms import FakePlatforms, serving_platforms
from tests.fake_platforms.customers import Customers
from tests.fake_platforms.state import Token, whatsapp_token

SECRET = "demo-app-secret"
# platform: the account there, and the credentials that it is connected with.
ACCOUNTS: dict[str, tuple[str, dict[str, str]]] = {
    "facebook": ("HARBOUR_PAGE", {"access_token": "demo-page-token"}),
    "instagram": ("HARBOUR_IG", {"access_token": "demo-instagram-token", "login": "instagram"}),
    "whatsapp": ("15550100", {"access_token": "demo-whatsapp-token"}),
    "telegram": ("7001", {"bot_token": "7001:demoABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh", "secret_token": "demo-secret"}),
}
START = 60.0  # seconds


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_platforms.demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 4000))
    parser.add_argument("--pace", type=float, default=4.0, help="seconds between two messages of customers")
    options = parser.parse_args()
    sys.exit(asyncio.run(run(options.port, options.pace)))


async def run(port: int, pace: float) -> int:
    """Start everything, let customers write, and end with the server, or with a signal that ends it too."""
    with tempfile.TemporaryDirectory(prefix="parley-demo-") as folder:
        async with serving_platforms(app_secret=SECRET) as fake, served(fake, folder, port) as server:
            said = await first_line(server)
            if said is None:
                return await server.wait()
            fake.webhooks.target = f"{said['url']}/api/v1/webhooks"
            channels = await connect(fake, said)
            tell(said, Path(folder))
            customers = asyncio.create_task(Customers(fake, channels, pace).write_on())
            code = await server.wait()
            customers.cancel()
            await asyncio.gather(customers, return_exceptions=True)
            return code


@asynccontextmanager
async def served(fake: FakePlatforms, folder: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the server as a process of its own; it ends with us."""
    kept = {name: value for name, value in os.environ.items() if name not in ("MONGODB_URI", "ENVIRONMENT")}
    environ = {
        **kept,
        "DATA_DIR": folder,
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        "FACEBOOK_APP_ID": "123",
        "FACEBOOK_APP_SECRET": SECRET,
        **dict.fromkeys(("GRAPH_BASE_URL", "IG_GRAPH_BASE_URL", "TELEGRAM_BASE_URL"), fake.base),
    }
    # The end of a terminal's line of processes is a signal to all of them; one that comes to us alone is passed on.
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "demo", "--json", "--port", str(port), env=environ, stdout=asyncio.subprocess.PIPE
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, server)
    try:
        yield server
    finally:
        stop(server)
        await server.wait()


def stop(server: asyncio.subprocess.Process) -> None:
    """Let the server end as it likes to."""
    with suppress(ProcessLookupError):
        server.terminate()


async def first_line(server: asyncio.subprocess.Process) -> dict[str, Any] | None:
    """Return what the server says when it is up; None when it ended before."""
    assert server.stdout is not None
    line = await asyncio.wait_for(server.stdout.readline(), START)
    said: dict[str, Any] | None = json.loads(line) if line else None
    return said


async def connect(fake: FakePlatforms, said: dict[str, Any]) -> dict[str, str]:
    """Connect the accounts as the owner does, over REST; return each platform's channel."""
    owner = said["demo"]["logins"][0]
    channels: dict[str, str] = {}
    async with aiohttp.ClientSession(f"{said['url']}/api/v1/") as http:
        login = {"email": owner["email"], "password": owner["password"]}
        token = (await posted(http, "auth/login", login, ""))["access_token"]
        for platform, (account, credentials) in ACCOUNTS.items():
            for secret in credentials.values():
                is_number = platform == "whatsapp"
                fake.state.tokens[secret] = whatsapp_token(account) if is_number else Token(account=account)
            body = {"platform": platform, "name": f"Harbour Coffee on {platform}", "credentials": credentials}
            channels[platform] = (await posted(http, "channels", {**body, "external_id": account}, token))["id"]
    return channels


async def posted(http: aiohttp.ClientSession, path: str, body: dict[str, Any], token: str) -> dict[str, Any]:
    """Post, and return the data of the answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.post(path, json=body, headers=headers) as response:
        answer: dict[str, Any] = await response.json()
    if not answer["success"]:
        raise SystemExit(f"The demo could not {path}: {answer['error']}")
    data: dict[str, Any] = answer["data"]
    return data


def tell(said: dict[str, Any], folder: Path) -> None:
    """Say what there is to see, and how to answer: keys and passwords to a terminal alone, else in a private file."""
    demo = said["demo"]
    print(f"\nHarbour Coffee is open at {said['url']}, and its customers write on four platforms.\n")
    keys = (
        f"Watch the inbox, in a terminal of its own:\n  {demo['watch']}\n\n"
        "Answer somebody; with the six digits of a customer on a platform, they write back:\n"
        f"  {demo['reply']}\n\n"
        "Sign in as\n"
        + "".join(f"  {each['role']:<8} {each['email']:<26} {each['password']}\n" for each in demo["logins"])
    )
    if sys.stdout.isatty():
        print(keys)
    else:
        kept = folder / "demo.txt"
        write_atomically(kept, keys.encode())
        print(f"How to watch it and to answer, with its keys and passwords, is in {kept}\n")
    print("Ctrl-C ends it, and nothing is left.", flush=True)


if __name__ == "__main__":
    main()
