"""A company at work: the hub and the doors on a real database, for tests to sit down at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import socketio
from aiohttp import web
from bson import ObjectId
from pymongo import AsyncMongoClient

from app.actions.create_contact import NewContact, create_contact
from app.actions.enrol import enrol_key, enrol_user
from app.actions.found_company import found_company
from app.actions.sign_in import sign_in
from app.handlers.protocol import Deadlines
from app.handlers.runner import Runner
from app.hub import Hub
from app.main import HUB, SOCKETS, build_app
from app.models.company import Company
from app.models.people import KeyKind, Role, Scope
from app.outside.secrets import complete
from app.settings import Settings
from app.settings_reading import read_settings
from app.sockets.mount import Sockets
from tests.waiting import until

PASSWORD = "correct horse battery"


def settings_for(uri: str, data_dir: Path, **more: str) -> Settings:
    """Return settings for tests: cheap hashes, no limits, a database of its own."""
    environ = {
        "ENVIRONMENT": "test",
        "MONGODB_URI": uri,
        "DATA_DIR": str(data_dir),
        "BCRYPT_SALT_ROUNDS": "4",
        "RATE_LIMITS": "off",
        "LOG_LEVEL": "WARNING",
        **more,
    }
    return complete(read_settings(environ))[0]


def database_uri(server_uri: str) -> str:
    """Return the address of a fresh database on a server."""
    address, _, options = server_uri.partition("?")
    host = address.split("//", 1)[1].split("/", 1)[0]
    return f"mongodb://{host}/t{ObjectId()}?{options}"


@dataclass
class Listener:
    """A python-socketio client that writes down what it hears."""

    client: socketio.AsyncClient
    namespace: str
    heard: list[tuple[str, Any]] = field(default_factory=list)
    refused: list[Any] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the durable events heard so far."""
        return [body for name, body in self.heard if not name.startswith(("sync:", "typing:", "presence:"))]

    @property
    def seqs(self) -> list[int]:
        """Return the seqs heard so far."""
        return [event["seq"] for event in self.events]

    def of(self, name: str) -> list[Any]:
        """Return what was heard of one event."""
        return [body for heard, body in self.heard if heard == name]

    async def ready(self) -> dict[str, Any]:
        """Wait for `sync:ready` and return it."""
        await until(lambda: self.of("sync:ready"))
        last: dict[str, Any] = self.of("sync:ready")[-1]
        return last

    async def call(self, event: str, payload: Any = None) -> Any:
        """Send an event and return its ack."""
        return await self.client.call(event, payload, namespace=self.namespace, timeout=10)


@dataclass
class Desk:
    """One server with one company in it, an owner, a bot's key, and a customer."""

    app: web.Application
    base: str
    hub: Hub
    company: Company
    http: aiohttp.ClientSession
    email: str = ""
    key: str = ""
    token: str = ""
    user_id: str = ""
    contact_id: str = ""
    listeners: list[Listener] = field(default_factory=list)

    @property
    def sockets(self) -> Sockets:
        """Return the Socket.IO door."""
        return self.app[SOCKETS]

    @property
    def uri(self) -> str:
        """Return the address of this desk's database."""
        assert self.hub.settings.mongodb_uri is not None
        return self.hub.settings.mongodb_uri.get_secret_value()

    async def settle(self, role: Role = Role.OWNER) -> "Desk":
        """Let the first people in."""
        self.email = f"owner@{self.company.slug}.test"
        user = await enrol_user(self.hub, self.company.id, email=self.email, role=role, password=PASSWORD)
        self.user_id = user.id
        self.token = (await sign_in(self.hub, self.email, PASSWORD)).access_token
        self.key = await self.new_key("*")
        contact = await self.post("/contacts", {"name": "Ann Customer"})
        self.contact_id = contact["data"]["id"]
        return self

    async def new_key(self, *scopes: str, kind: KeyKind = KeyKind.BOT) -> str:
        """Return a new API key of this company."""
        _, key = await enrol_key(
            self.hub, self.company.id, name="bot", kind=kind, scopes=tuple(Scope(each) for each in scopes)
        )
        return key

    async def neighbour(self, name: str = "Other company") -> "Desk":
        """Return another company on the same server."""
        other = await found_company(self.hub, name)
        return await Desk(self.app, self.base, self.hub, other, self.http, listeners=self.listeners).settle()

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request to the API and return its status and its JSON."""
        sent = {"X-API-Key": self.key if key is None else key, **(headers or {})}
        async with self.http.request(
            method, f"{self.base}/api/v1{path}", json=body, headers={k: v for k, v in sent.items() if v}
        ) as response:
            return response.status, await response.json()

    async def post(self, path: str, body: Any, **more: Any) -> dict[str, Any]:
        """Post and return the JSON; anything but a 2xx is a mistake of the test."""
        status, answer = await self.ask("POST", path, body, **more)
        assert status < 300, answer
        return answer

    def message(self, content: str = "Is my order on its way?", **more: Any) -> dict[str, Any]:
        """Return the body of an inbound message of this desk's customer."""
        return {
            "contact_id": self.contact_id,
            "role": "user",
            "platform": "web",
            "direction": "inbound",
            "content": content,
            **more,
        }

    async def epoch(self) -> str:
        """Return the epoch in which this company's seqs count."""
        stream = await self.hub.store.streams.get(self.company.id)
        assert stream is not None
        return stream.epoch

    async def changes(self, since: int = 0) -> dict[str, Any]:
        """Return the page of the log that follows a seq."""
        status, answer = await self.ask("GET", f"/changes?epoch={await self.epoch()}&since={since}")
        assert status == 200, answer
        page: dict[str, Any] = answer["data"]
        return page

    async def receive(self, content: str = "Is my order on its way?", **more: Any) -> dict[str, Any]:
        """Store an inbound message and return it."""
        data: dict[str, Any] = (await self.post("/messages", self.message(content, **more)))["data"]
        return data

    async def listen(self, namespace: str = "/company", **auth: Any) -> Listener:
        """Connect a python client; with `token=` or `api_key=` as somebody else, with `seq=` from somewhere."""
        listener = Listener(socketio.AsyncClient(reconnection=False), namespace)
        listener.client.on("*", lambda event, *body: listener.heard.append((event, *body)), namespace=namespace)
        listener.client.on("connect_error", listener.refused.append, namespace=namespace)
        if "token" not in auth and "api_key" not in auth:
            auth["token"] = self.token
        self.listeners.append(listener)
        await listener.client.connect(
            self.base, namespaces=[namespace], auth=auth, transports=["websocket"], wait_timeout=10
        )
        return listener


@asynccontextmanager
async def open_desk(
    mongo_uri: str, data_dir: Path, deadlines: Deadlines | None = None, /, **settings: str
) -> AsyncIterator[Desk]:
    """Serve a fresh database on a free port, with one company in it."""
    uri = database_uri(mongo_uri)
    app = await build_app(settings_for(uri, data_dir, **settings), uri)
    runner = Runner(app, app[HUB].settings, shutdown_timeout=1, deadlines=deadlines)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    hub = app[HUB]
    async with aiohttp.ClientSession() as http:
        company = await found_company(hub, "Acme")
        desk = await Desk(app, f"http://127.0.0.1:{port}", hub, company, http).settle()
        yield desk
        connected = [each.client for each in desk.listeners if each.client.connected]
        await asyncio.gather(*(client.disconnect() for client in connected), return_exceptions=True)
    await runner.cleanup()
    # A loop that stood still while other tests ran theirs has lost its connections: a new client drops the database.
    async with AsyncMongoClient[dict[str, Any]](uri) as client:
        await client.drop_database(hub.settings.database)


async def new_contact(desk: Desk, name: str) -> str:
    """Return a new customer's id, made without the doors."""
    from app.access import caller_with_key

    caller = await caller_with_key(desk.hub, desk.key)
    contact, _ = await create_contact(desk.hub, caller, NewContact(name=name))
    return str(contact["id"])
