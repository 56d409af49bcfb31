"""Request bodies as they come: never inflated, never larger than their route takes, never waited for without end."""

import asyncio
from contextlib import suppress

from aiohttp import StreamReader, hdrs, web
from aiohttp.web_protocol import RequestHandler

from app.errors import Busy, Refusal, TooLarge, UnsupportedType

MOST_BODY = 1 << 20  # bytes
# Bytes where anybody may ask: signing in takes a few hundred, and a thousand strangers may hold as many each.
MOST_PUBLIC_BODY = 16 << 10

TURN = 0.002  # seconds: 256 KiB in each are 128 MB a second, of all whom nobody wants to hear


class ClientLeft(ConnectionError):
    """The client hung up before its request was whole: nobody waits for an answer."""


class CutShort(TimeoutError):
    """The end of a body that we no longer wait for; aiohttp drops the rest in silence for a TimeoutError alone."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


async def body_of(request: web.Request, most: int = MOST_BODY) -> bytes:
    """Return a request's whole body. Raises UnsupportedType, TooLarge, RequestTimeout; ClientLeft."""
    if is_compressed(request):
        raise UnsupportedType
    if (request.content_length or 0) > most:
        raise _too_large(most)
    chunks, size = [], 0
    try:
        while chunk := await request.content.readany():
            chunks.append(chunk)
            size += len(chunk)
            if size > most:
                raise _too_large(most)
    except CutShort as cut:
        raise cut.refusal from None
    except ConnectionError:
        raise ClientLeft from None
    return b"".join(chunks)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is larger than {most >> 10} KiB.")


def is_compressed(request: web.Request) -> bool:
    """Tell whether a body came in an encoding; a megabyte of gzip may be a gigabyte of JSON, so none is taken."""
    return any(each.strip().lower() != "identity" for each in request.headers.getall(hdrs.CONTENT_ENCODING, ()))


class Gathering:
    """Bodies of strangers that are still on their way: a few at once, and the oldest makes room for the newest.

    What a platform sends is whole within milliseconds. So the one that has been coming for longest is no platform's,
    or its sender comes again; and nobody can keep all places by sending slowly.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._coming: dict[StreamReader, None] = {}  # the oldest first

    async def body_of(self, request: web.Request, most: int) -> bytes:
        """Return a request's whole body, as `body_of` does. Raises Busy too, when this was the oldest of too many."""
        stream = request.content
        if not stream.is_eof():  # or it is here already, and needs no place
            self._make_room()
            self._coming[stream] = None
        try:
            return await body_of(request, most)
        finally:
            self._coming.pop(stream, None)

    def _make_room(self) -> None:
        if len(self._coming) >= self._places:
            oldest = next(iter(self._coming))
            del self._coming[oldest]
            oldest.set_exception(CutShort(Busy("Too much is being received at once; try again in a moment.")))


class Leftovers:
    """Bodies that were answered before they were whole: read on, so that their senders come to read the answer.

    One client at a time, and one read of it: fifty that send as fast as they can would else fill each turn of the loop.
    Who waits for a turn is not read from, so that nothing of it is in memory.
    """

    def __init__(self, within: float) -> None:
        self._within = within
        self._turn = asyncio.Lock()

    async def drop(self, stream: StreamReader, protocol: RequestHandler) -> None:
        """Drop what comes of a body, until it ends or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._within):
                while await stream.readany() and not stream.is_eof():
                    protocol.pause_reading()
                    async with self._turn:
                        await asyncio.sleep(TURN)
                    if not protocol.connected:
                        return
                    protocol.resume_reading()
