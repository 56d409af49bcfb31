"""A client that resumes from a seq and reads as fast as it can, or as fast as it is told, and counts what comes."""

import base64
import json
import os
import socket
import time
import urllib.request
from dataclasses import dataclass

from bench.load import Door

READ_BYTES = 1 << 16
READY = b'"sync:ready"'
EVENT = b'42/company,["message:'


@dataclass(frozen=True)
class Resumed:
    """How long it took until `sync:ready`, what came until then, and whether the server said it was complete."""

    seconds: float
    events: int
    bytes: int
    complete: bool


def epoch_of(door: Door) -> str:
    """Ask over REST in which epoch the seqs of this company count."""
    request = urllib.request.Request(f"http://{door.host}:{door.port}/api/v1/changes", headers=dict(door.headers))
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["data"]["epoch"])


def resume(door: Door, cursor: tuple[str, int], bytes_per_second: float | None = None) -> Resumed:
    """Connect with a cursor and read until `sync:ready`; on a slow link no more than so much a second is taken."""
    with socket.socket() as link:
        if bytes_per_second:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ_BYTES)
        link.settimeout(120)
        link.connect((door.host, door.port))
        shake_hands(link, door)
        epoch, seq = cursor
        auth = json.dumps({**door.auth, "epoch": epoch, "seq": seq})
        began = time.monotonic()
        link.sendall(masked(f"40/company,{auth}".encode()))
        return read(link, began, bytes_per_second)


def shake_hands(link: socket.socket, door: Door) -> None:
    """Become a websocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    link.sendall(
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {door.host}:{door.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += link.recv(READ_BYTES)


def masked(payload: bytes) -> bytes:
    """A text frame as a client must send it, RFC 6455 section 5.3; a mask of zeros leaves it as it is."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2, "big")
    return head + bytes(4) + payload


def read(link: socket.socket, began: float, bytes_per_second: float | None) -> Resumed:
    """Count events until the server says that this is all."""
    events = taken = 0
    tail = b""
    while True:
        data = link.recv(READ_BYTES)
        if not data:
            raise ConnectionError("The server ended the connection before it was done.")
        taken += len(data)
        window = tail + data
        events += window.count(EVENT)
        if READY in window:
            return Resumed(time.monotonic() - began, events, taken, b'"resumed":true' in window)
        tail = window[-(len(EVENT) - 1) :]
        if bytes_per_second:
            time.sleep(max(0.0, began + taken / bytes_per_second - time.monotonic()))
