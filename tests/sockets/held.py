"""Our own functions, as slow as a test wants them."""

import asyncio
from typing import Any

import pytest


class Held:
    """A function of ours that waits before it begins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self.waiting = 0
        self.go = asyncio.Event()
        real = getattr(module, name)

        async def held(*arguments: Any) -> Any:
            self.waiting += 1
            await self.go.wait()
            return await real(*arguments)

        monkeypatch.setattr(module, name, held)
