"""What a client lives through: a company, its server, which comes and goes, and the network before it."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.actions.new_epoch import new_epoch
from app.main import DRAIN
from app.stores.codec import Document
from tests.clients.proxy import Proxy
from tests.desk import Desk
from tests.sockets.again import elsewhere

Truth = list[tuple[str, str]]
BACKED_UP = ("streams", "events", "messages", "conversations", "contacts", "read_marks", "lanes")


@dataclass
class Stage:
    """One company with one conversation; `server` is what serves it now, `proxy` what clients see of it."""

    desk: Desk
    proxy: Proxy
    folder: Path
    conversation_id: str = ""
    server: Desk | None = None
    _serving: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self) -> None:
        """Serve, with a first message in the conversation and its answer."""
        await self.start()
        self.conversation_id = (await self.customer_writes("Hello?"))["conversation_id"]
        reply = {"conversation_id": self.conversation_id, "role": "operator", "content": "Good day!"}
        await self.serving.post("/messages", reply)

    async def start(self) -> None:
        """Start a server that remembers nothing, and lead clients to it."""
        self.server = await self._serving.enter_async_context(elsewhere(self.desk))
        self.proxy.server = int(self.server.base.rsplit(":", 1)[1])

    async def stop(self) -> None:
        """Stop the server."""
        await self._serving.aclose()
        self.server = None

    async def replace(self) -> None:
        """Start another server, then let this one drain and leave."""
        before, drain = self._serving, self.serving.app[DRAIN]
        self._serving = AsyncExitStack()
        await self.start()
        await drain()
        await before.aclose()

    @property
    def serving(self) -> Desk:
        """Return the server; one that is away is a mistake of the scenario."""
        assert self.server is not None
        return self.server

    async def customer_writes(self, content: str) -> dict[str, Any]:
        """Let the customer write, past the proxy."""
        return await self.serving.receive(content)

    async def customer_edits(self, message_id: str, content: str) -> None:
        """Let the customer change what was written."""
        status, answer = await self.serving.ask("PATCH", f"/messages/{message_id}", {"content": content})
        assert status == 200, answer

    async def log(self) -> list[dict[str, Any]]:
        """Return the conversation as it is stored, the oldest first."""
        path = f"/conversations/{self.conversation_id}/messages?limit=200"
        status, answer = await self.serving.ask("GET", path)
        assert (status, answer["page"]["next"]) == (200, None), answer
        return list(reversed(answer["data"]))

    async def is_stored(self, content: str) -> bool:
        """Tell whether a message with these words is stored."""
        return any(message["content"] == content for message in await self.log())

    async def new_epoch(self) -> None:
        """Tell the clients of the company to load their state anew."""
        await new_epoch(self.serving.hub, self.desk.company.id)

    async def backed_up(self) -> dict[str, list[Document]]:
        """Return all that is stored of all companies, as a backup has it."""
        database = self.desk.hub.store.database
        return {name: await database[name].find().to_list() for name in BACKED_UP}

    async def restore(self, backup: dict[str, list[Document]]) -> None:
        """Put a backup back, and tell every client to load its state anew, as an operator does."""
        database = self.desk.hub.store.database
        for name, documents in backup.items():
            await database[name].delete_many({})
            if documents:
                await database[name].insert_many(documents)
        await new_epoch(self.desk.hub, None)
