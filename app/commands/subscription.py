"""Follow a company's feed over a socket, whatever happens to the server: every event once, in order."""

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import aiohttp
import socketio
from socketio.exceptions import SocketIOError

from app.commands.command import CommandError
from app.commands.credentials import Credentials
from app.commands.cursor import Cursor, Verdict
from app.commands.output import note

NAMESPACE = "/company"
ANSWER_WAIT = 5.0  # seconds for a handshake, and for an ack
FIRST_DELAY, LAST_DELAY = 0.1, 3.0  # seconds

Body = dict[str, Any]


class Lost(Exception):
    """The connection is gone, or never was; another try may help."""


def delays() -> Iterator[float]:
    """Yield the seconds to wait before each try: 0.1, 0.2, 0.4, 0.8, 1.6, 3, 3, …, each give or take a quarter.

    The quarter keeps the clients of a server that restarts from coming back as one.
    """
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.75, 1.25)
        delay = min(delay * 2, LAST_DELAY)


class Subscription:
    """One company's feed from now on; `hear` is given each durable event."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, credentials: Credentials, hear: Callable[[Body], None]
    ) -> None:
        self.cursor = Cursor()
        self._http = http
        self._url = url
        self._credentials = credentials
        self._hear = hear
        self._delays = delays()
        self._told = ""
        self._doubted = False
        self._client: socketio.AsyncClient | None = None

    async def follow(self) -> NoReturn:
        """Follow for ever. Raises CommandError where no other try can help, and where the first one found nobody."""
        while True:
            try:
                await self._connection()
            except Lost as lost:
                if self.cursor.seq is None:
                    raise CommandError(f"{self._url} cannot be watched: {lost}.") from None
                self._tell(str(lost))
            await asyncio.sleep(next(self._delays))

    def _tell(self, lost: str) -> None:
        """Say once, not at every try, that nobody answers."""
        if lost != self._told:
            note(f"{lost}; trying to resume from seq {self.cursor.seq}")
        self._told = lost

    async def _connection(self) -> None:
        """Connect once and take what comes, one after the other. Raises Lost at its end."""
        said: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._client = client = socketio.AsyncClient(reconnection=False, http_session=self._http, handle_sigint=False)
        client.on("*", lambda event, body=None: said.put_nowait((event, body)), namespace=NAMESPACE)
        client.on("connect_error", lambda body=None: said.put_nowait(("refused", body)), namespace=NAMESPACE)
        await self._connect(client)
        client.eio.read_loop_task.add_done_callback(lambda _: said.put_nowait(("gone", None)))
        try:
            while True:
                await self._take(*await said.get())
        finally:
            await _closed(client)

    async def _connect(self, client: socketio.AsyncClient) -> None:
        try:
            proof = await self._credentials.proof()
            async with asyncio.timeout(ANSWER_WAIT):
                await client.connect(
                    self._url,
                    auth={**proof, **self.cursor.auth()},
                    namespaces=[NAMESPACE],
                    transports=["websocket"],
                    wait=False,
                )
        except (SocketIOError, aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise Lost("no server answers there") from error

    async def _take(self, event: str, body: Any) -> None:
        match event:
            case "gone":
                raise Lost("the connection ended")
            case "refused":
                self._refused(body)
            case "sync:resync":
                self._resync(body)
            case "sync:ready":
                self._ready(body)
            case _ if isinstance(body, dict) and "seq" in body:
                await self._frame(body)

    def _refused(self, body: Any) -> None:
        """Give up, for a refusal is final; but who was let in before may have a token that has ended since, once."""
        if self.cursor.seq is None or self._doubted:
            why = body["message"] if isinstance(body, dict) else body
            raise CommandError(f"The server does not let you watch: {why}")
        self._doubted = True
        self._credentials.forget()
        raise Lost("the sign-in ended")

    def _ready(self, body: Body) -> None:
        self.cursor = Cursor(body["epoch"], body["head"])
        self._delays, self._told, self._doubted = delays(), "", False
        note(f"{'resumed' if body['resumed'] else 'listening'} from seq {body['head']}")

    def _resync(self, body: Body) -> None:
        """Go on from the head. A tail has no state to load anew; it can only say that something is missing."""
        note(f"what followed seq {self.cursor.seq} cannot be had any more ({body['reason']})")
        self.cursor = Cursor(body["epoch"], body["head"])

    async def _frame(self, body: Body) -> None:
        if self.cursor.verdict(body["prev"], body["seq"]) is Verdict.ASK:
            await self._fill_gap()
        if self.cursor.verdict(body["prev"], body["seq"]) is Verdict.APPLY:
            self.cursor = self.cursor.moved(body["seq"])
            if body["type"] != "sync:head":  # a beat covers seqs and says nothing else
                self._hear(body)

    async def _fill_gap(self) -> None:
        """Ask for pages until there is no more; frames that come meanwhile wait their turn."""
        more = True
        while more:
            page = await self._page()
            if page is None:
                return
            for event in page["events"]:
                if self.cursor.verdict(event["prev"], event["seq"]) is Verdict.APPLY:
                    self.cursor = self.cursor.moved(event["seq"])
                    self._hear(event)
            self.cursor, more = self.cursor.moved(page["head"]), page["more"]

    async def _page(self) -> Body | None:
        """Return the page that follows the cursor; None where the log does not reach back so far. Raises Lost."""
        assert self._client is not None  # a frame came over it
        ask = {"epoch": self.cursor.epoch, "since": self.cursor.seq}
        try:
            ack = await self._client.call("sync", ask, namespace=NAMESPACE, timeout=ANSWER_WAIT)
        except SocketIOError as error:
            raise Lost("the connection ended") from error
        if ack["ok"]:
            page: Body = ack["data"]
            return page
        if ack["error"]["code"] != "resync_required":
            raise Lost(ack["error"]["message"])
        self._resync(ack["error"])
        return None


async def _closed(client: socketio.AsyncClient) -> None:
    try:
        async with asyncio.timeout(1.0):
            await client.disconnect()
    except (SocketIOError, aiohttp.ClientError, OSError):
        return
