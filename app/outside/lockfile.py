"""A lock between processes that a killed holder lets go by itself, because the kernel closes its files."""

import asyncio
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

POLL = 0.02  # seconds


class LockFile:
    """The right to do what the file stands for, held until the `with` block ends."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Take the lock if nobody holds it."""
        file = path.open("ab")  # closed at exec, so that a child such as mongod never holds it
        if _locked(file):
            return cls(file)
        file.close()
        return None

    @classmethod
    def wait(cls, path: Path, within: float) -> Self:
        """Take the lock as soon as it is free; raises TimeoutError after `within` seconds. Blocks the thread."""
        deadline = time.monotonic() + within
        while not (lock := cls.take(path)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} is still locked after {within} s")
            time.sleep(POLL)
        return lock

    @classmethod
    async def turn(cls, path: Path, within: float) -> Self:
        """Take the lock as soon as it is free; raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while not (lock := cls.take(path)):  # noqa: ASYNC110 - another process sets no event of ours
                await asyncio.sleep(POLL)
        return lock

    def release(self) -> None:
        """Let the next one in."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def _locked(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
