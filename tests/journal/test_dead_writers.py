"""A writer that dies, or is paused, between the lock and the commit must not hold up its company."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.desk import Desk
from tests.waiting import until


@asynccontextmanager
async def armed_writer(desk: Desk, folder: Path, signal_name: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a second writer of the desk's company, armed to fall over with its third message's transaction open."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.journal.writer", desk.uri, desk.company.id, "second", signal_name, "3"),
        str(folder),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def acknowledged(process: asyncio.subprocess.Process, count: int) -> list[int]:
    """Return what the other writer was told is safe."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return [json.loads(await process.stdout.readline())["seq"] for _ in range(count)]


async def log_of(desk: Desk) -> list[int]:
    """Return every seq that is in the log."""
    since, seqs = 0, []
    while True:
        page = await desk.changes(since)
        seqs += [event["seq"] for event in page["events"]]
        since = page["next"]
        if not page["more"]:
            return seqs


async def test_a_killed_writer_frees_its_company_within_five_seconds(desk: Desk, tmp_path: Path) -> None:
    async with armed_writer(desk, tmp_path, "SIGKILL") as writer:
        theirs = await acknowledged(writer, 3)
        assert await asyncio.wait_for(writer.wait(), 20) == -signal.SIGKILL
        began = time.monotonic()
        mine = await _written_within_five_seconds(desk)
        assert time.monotonic() - began < 5
    seqs = await log_of(desk)
    assert seqs == list(range(1, len(seqs) + 1))
    assert {*theirs, mine} <= set(seqs)


async def test_a_paused_writer_frees_its_company_and_runs_its_batch_again_when_it_wakes(
    desk: Desk, tmp_path: Path
) -> None:
    async with armed_writer(desk, tmp_path, "SIGSTOP") as writer:
        theirs = await acknowledged(writer, 3)
        await until(lambda: Path(f"/proc/{writer.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T", within=20)
        mine = await _written_within_five_seconds(desk)
        writer.send_signal(signal.SIGCONT)
        theirs += await acknowledged(writer, 3)
        assert await asyncio.wait_for(writer.wait(), 20) == 0
    seqs = await log_of(desk)
    assert seqs == list(range(1, len(seqs) + 1))
    assert {*theirs, mine} <= set(seqs)
    assert len(set(theirs)) == len(theirs) == 6, "what was run again was stored once"


async def _written_within_five_seconds(desk: Desk) -> int:
    """Write through the desk's own process; a refusal that may be tried again is tried again with its key."""
    async with asyncio.timeout(5):
        while True:
            status, answer = await desk.ask("POST", "/messages", desk.message(client_message_id="mine"))
            if status < 300:
                return int(answer["data"]["seq"])
            assert answer["error"]["retryable"], answer
