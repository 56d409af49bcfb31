"""Wait until it is known what became of a message, for a while."""

import asyncio
from contextlib import suppress
from typing import Any

from app.access import company_of
from app.actions.read_messages import read_message
from app.hub import Hub
from app.journal.change import Recorded
from app.models.caller import Caller
from app.models.delivery import DeliveryState

LONGEST = 12.0  # seconds: a platform may take ten


async def await_outcome(hub: Hub, caller: Caller, message: dict[str, Any], within: float = LONGEST) -> dict[str, Any]:
    """Return the message as it is once it is no longer queued, or as it is after so many seconds, or when we leave.

    It listens to the company's feed, so it does not matter which process sends.
    """
    feed = await hub.journal.follow(company_of(caller))
    moved = asyncio.Event()

    def hear(event: Recorded) -> None:
        if event.type == "message:status" and event.conversation_id == message["conversation_id"]:
            moved.set()

    feed.listeners.append(hear)
    hub.drain.on_begin.append(moved.set)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while _is_queued(message := await read_message(hub, caller, message["id"])) and not hub.drain.begun:
                    await moved.wait()
                    moved.clear()
    finally:
        feed.listeners.remove(hear)
        hub.drain.on_begin.remove(moved.set)
    return message


def _is_queued(message: dict[str, Any]) -> bool:
    delivery = message["delivery"]
    return delivery is not None and delivery["state"] == DeliveryState.QUEUED
