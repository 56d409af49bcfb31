"""One holder at a time, and a killed one lets go."""

import asyncio
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from app.outside.lockfile import LockFile
from tests.waiting import until

HOLD = """
import sys
from pathlib import Path
from app.outside.lockfile import LockFile
lock = LockFile.take(Path(sys.argv[1]))
print("held", flush=True)
input()
"""


async def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    with LockFile.wait(tmp_path / "lock", within=1):
        assert LockFile.take(tmp_path / "lock") is None
    assert LockFile.take(tmp_path / "lock")


async def test_a_turn_comes_when_the_holder_is_done(tmp_path: Path) -> None:
    holder = LockFile.wait(tmp_path / "lock", within=1)
    turn = asyncio.create_task(LockFile.turn(tmp_path / "lock", within=5))
    holder.release()
    with await turn:
        assert LockFile.take(tmp_path / "lock") is None


async def test_waiting_has_an_end(tmp_path: Path) -> None:
    with LockFile.wait(tmp_path / "lock", within=1):
        with pytest.raises(TimeoutError):
            await LockFile.turn(tmp_path / "lock", within=0.05)
        with pytest.raises(TimeoutError):
            LockFile.wait(tmp_path / "lock", within=0.05)


async def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "lock"], stdin=PIPE, stdout=PIPE) as holder:
        assert holder.stdout
        assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
        assert LockFile.take(tmp_path / "lock") is None
        holder.kill()
    (await until(lambda: LockFile.take(tmp_path / "lock"))).release()
