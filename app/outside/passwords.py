"""Passwords: hashed by bcrypt, in threads, since one hash would stall every socket for a quarter of a second."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

T = TypeVar("T")

AT_ONCE = min(8, os.cpu_count() or 1)  # more would only share the cores
MOST_BYTES = 72  # bcrypt reads no further, and raises above it


class Passwords:
    """Hash and check; `rounds` doubles the work with each step."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self._dummy: bytes | None = None
        # Threads of their own: those of the loop look up addresses, and one that hangs would keep everyone out.
        self._threads = ThreadPoolExecutor(AT_ONCE, "passwords")

    async def _aside(self, work: Callable[[bytes, bytes], T], password: bytes, salt: bytes) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, password, salt)

    async def hash(self, password: str) -> str:
        """Return the hash to store."""
        return (await self._aside(bcrypt.hashpw, password.encode(), bcrypt.gensalt(self.rounds))).decode()

    async def match(self, password: str, stored: str | None) -> bool:
        """Tell whether the password is the stored one; for nobody's password the same time passes."""
        if len(password.encode()) > MOST_BYTES:
            return False
        known = stored.encode() if stored else await self._nobody()
        return await self._aside(bcrypt.checkpw, password.encode(), known) and stored is not None

    async def _nobody(self) -> bytes:
        if self._dummy is None:
            self._dummy = await self._aside(bcrypt.hashpw, b"nobody", bcrypt.gensalt(self.rounds))
        return self._dummy
