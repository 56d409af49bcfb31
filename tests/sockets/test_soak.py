"""Clients that come and go for as long as a test run can bear: memory ends where it was after the first rounds."""

import asyncio
import gc
import os
from pathlib import Path

from tests.desk import Desk, open_desk
from tests.sockets.test_faults import clean, peer
from tests.waiting import until

ROUNDS, WARM, PEERS = 24, 8, 120
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Return the memory of this process that is in RAM, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def one_round(desk: Desk, number: int) -> None:
    """Come, hear a few messages, and leave: half with a goodbye, half without."""
    peers = await asyncio.gather(*(peer(desk) for _ in range(PEERS)))
    await asyncio.gather(*(each.until_ready() for each in peers))
    seq = 0
    for _ in range(5):
        seq = (await desk.receive(f"round {number}"))["seq"]
    said = f'"seq":{seq},'.encode()
    async with asyncio.timeout(30):
        await asyncio.gather(*(each.reader.readuntil(said) for each in peers))
    for place, each in enumerate(peers):
        if place % 2:
            each.reset()
        else:
            each.writer.close()
    await until(lambda: not desk.sockets.engine.connections, within=20)


async def test_memory_does_not_grow_while_clients_come_and_go(mongo_uri: str, tmp_path: Path) -> None:
    async with open_desk(mongo_uri, tmp_path) as desk:
        sizes = []
        for number in range(ROUNDS):
            await one_round(desk, number)
            sizes.append(resident())
        await clean(desk)
    early, late = sizes[WARM : WARM + 4], sizes[-4:]
    grown = min(late) - min(early)
    # A connection that stayed would be 10 kB or more: of the 1 440 between the two looks that is 14 MB.
    assert grown < 5_000_000, f"{grown} bytes in {ROUNDS - WARM - 4} rounds of {PEERS}: {sizes}"
