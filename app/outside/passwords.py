"""Passwords: hashed by bcrypt, in threads, since one hash would stall every socket for a quarter of a second."""

import asyncio

import bcrypt

MOST_BYTES = 72  # bcrypt reads no further, and raises above it


class Passwords:
    """Hash and check; `rounds` doubles the work with each step."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self._dummy: bytes | None = None

    async def hash(self, password: str) -> str:
        """Return the hash to store."""
        return (await asyncio.to_thread(bcrypt.hashpw, password.encode(), bcrypt.gensalt(self.rounds))).decode()

    async def match(self, password: str, stored: str | None) -> bool:
        """Tell whether the password is the stored one; for nobody's password the same time passes."""
        if len(password.encode()) > MOST_BYTES:
            return False
        known = stored.encode() if stored else await self._nobody()
        return await asyncio.to_thread(bcrypt.checkpw, password.encode(), known) and stored is not None

    async def _nobody(self) -> bytes:
        if self._dummy is None:
            self._dummy = await asyncio.to_thread(bcrypt.hashpw, b"nobody", bcrypt.gensalt(self.rounds))
        return self._dummy
