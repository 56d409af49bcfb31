"""One worker, as its supervisor sees it: ready, alive, told to leave, ended."""

import asyncio
import socket
from dataclasses import dataclass

from loguru import logger

from app.commands.working import EVERY, READY

READY_WITHIN = 60.0  # seconds that a worker has to be up
LATER = 1.0  # seconds that a worker has to be gone after its own patience has ended
# Beats that a worker may miss: one that is stopped or stuck for so many seconds is ended. A machine that is short of
# everything slows a worker down by some seconds, never by so many.
MOST_SILENT = 30


@dataclass(slots=True, eq=False)
class Worker:
    """One process at work; `line` is ours to it: it says when it is ready, and ends it when we end."""

    process: asyncio.subprocess.Process
    line: socket.socket
    began: float
    leave_within: float  # seconds
    told: bool = False  # to leave

    async def is_ready(self) -> bool:
        """Wait until it serves; False when it ended instead, or takes too long."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(READY_WITHIN):
                return await loop.sock_recv(self.line, 1) == READY
        except (TimeoutError, OSError):
            return False

    async def end_if_silent(self, slot: int) -> None:
        """End it when it hangs: the kernel would deal it a share of the connections for ever."""
        if await self._falls_silent() and self.process.returncode is None:
            logger.bind(slot=slot, silent=MOST_SILENT).error("a worker hangs; it is ended")
            self.process.kill()

    async def _falls_silent(self) -> bool:
        """Wait until it has missed too many beats; False when its line ended first: so has it."""
        silent = 0
        while silent < MOST_SILENT:
            await asyncio.sleep(EVERY)  # when it is we who stood still, that counts as one
            try:
                if not self.line.recv(4096):
                    return False
                silent = 0
            except BlockingIOError:
                silent += 1
            except OSError:  # closed
                return False
        return True

    async def leave(self) -> None:
        """Tell it to stop, and see that it is gone."""
        if self.process.returncode is None:
            if not self.told:  # a second signal would end it at once
                self.told = True
                self.process.terminate()
            try:
                async with asyncio.timeout(self.leave_within):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        self.line.close()
