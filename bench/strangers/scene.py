"""The server that is attacked, with an owner, good keys and a customer."""

import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.end_to_end.contenders import database, make_contact
from bench.load import Door
from bench.process import Running, free_port, pinned, wait_until_ready
from bench.strangers.callers import PASSWORD, Callers
from bench.strangers.guesses import EMAIL
from bench.strangers.wires import Target

KEYS = 20


@dataclass(frozen=True)
class Scene:
    """A server that runs, and who calls it in good faith."""

    running: Running
    target: Target
    keys: list[str]
    contact_id: str

    def callers(self, address: str) -> Callers:
        """Return callers who have not waited yet."""
        return Callers(self.target, address, self.keys, self.contact_id)


@contextlib.asynccontextmanager
async def open_scene(mongodb_uri: str, cores: str, load_core: int, code: Path) -> AsyncIterator[Scene]:
    """Start a server with its limits on and a Meta app configured."""
    async with database(mongodb_uri, "strangers") as uri:
        with tempfile.TemporaryDirectory() as data:
            port = free_port()
            settings = {
                "PORT": str(port), "MONGODB_URI": uri, "ENVIRONMENT": "development", "DATA_DIR": data,
                "LOG_LEVEL": "WARNING", "FACEBOOK_APP_ID": "1", "FACEBOOK_APP_SECRET": "secret of the bench's app",
                "META_VERIFY_TOKEN": "token of the bench",
            }  # fmt: skip
            keys = await enrol(load_core, settings, code)
            async with pinned("parley", [sys.executable, "-m", "app", "serve"], cores, settings, code) as running:
                await wait_until_ready(running, f"http://127.0.0.1:{port}/health/ready")
                door = Door(port, headers={"X-API-Key": keys[0]})
                async with aiohttp.ClientSession(headers=dict(door.headers)) as http:
                    contact_id = await make_contact(http, door, "Customer")
                yield Scene(running, Target(port, keys[0]), keys, contact_id)


async def enrol(core: int, settings: dict[str, str], code: Path) -> list[str]:
    """Make a company with its owner, and return its keys."""
    company = (await told(core, settings, code, "create-company", "--name", "Bench"))["company_id"]
    whose = ["--company", company]
    owner = ["create-user", *whose, "--email", EMAIL, "--role", "owner", "--password-stdin"]
    await told(core, settings, code, *owner, stdin=PASSWORD)
    key = ["create-key", *whose, "--name", "bench", "--kind", "bot", "--scopes", "*"]
    return [(await told(core, settings, code, *key))["key"] for _ in range(KEYS)]


async def told(core: int, settings: dict[str, str], code: Path, *words: str, stdin: str = "") -> dict[str, str]:
    """Return the object that a command prints."""
    command = [sys.executable, "-m", "app", *words, "--json"]
    async with pinned(f"app {words[0]}", command, core, settings, code) as cli:
        await cli.tell(stdin)
        answer: dict[str, str] = await cli.answer(seconds=30)
        await cli.process.wait()
        return answer
