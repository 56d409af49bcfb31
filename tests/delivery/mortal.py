"""A server that sends one message and is killed at a point of its way: python -m tests.delivery.mortal JSON."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from app.actions.send_message import send_message
from app.jobs.outbox import Outbox
from app.main import open_hub
from tests.delivery.kill import draft_for, operator
from tests.desk import settings_for


async def main(told: dict[str, Any]) -> None:
    """Send, and fall over at the point: `claimed`, `answered` and the like, or the second `before_commit`."""
    passed: list[str] = []

    def probe(point: str) -> None:
        passed.append(point)
        name = "before_outcome" if point == "before_commit" and "after_answer" in passed else point
        if name == told["point"]:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = settings_for(told["uri"], Path(told["folder"]), **told["settings"])
    async with open_hub(settings, told["uri"], probe) as hub:
        Outbox(hub).start()
        caller = operator(hub, told["company_id"])
        await send_message(hub, caller, draft_for(told["contact_id"], "mortal"))
        await asyncio.sleep(30)  # the end comes from outside, or from the probe


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
