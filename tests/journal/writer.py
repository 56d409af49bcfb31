"""A process that writes to a company until it is stopped; armed, it stops itself between the lock and the commit.

python -m tests.journal.writer URI COMPANY NAME SIGNAL COUNT FOLDER prints a line of JSON for each acknowledged message.
After COUNT of them it sends itself SIGNAL with its transaction open.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from app.actions.create_contact import NewContact, create_contact
from app.actions.draft import Draft
from app.actions.send_message import send_message
from app.main import open_hub
from app.models.caller import Caller, CallerKind
from app.models.contact import Platform
from app.models.entity import CompanyId, ContactId
from app.models.message import Direction, MessageRole
from app.models.people import Scope
from tests.desk import settings_for


async def main(uri: str, company_id: str, name: str, signal_name: str, count: int) -> None:
    """Write, say what was acknowledged, and fall over when it is time."""
    written, armed = 0, True

    def probe(point: str) -> None:
        nonlocal armed
        if armed and point == "before_commit" and written == count:
            armed = False
            os.kill(os.getpid(), signal.Signals[signal_name])

    async with open_hub(settings_for(uri, Path(sys.argv[6])), uri, probe) as hub:
        caller = Caller(
            kind=CallerKind.KEY,
            id=hub.new_id(),
            name=name,
            company_id=CompanyId(company_id),
            scopes=frozenset({Scope.ALL}),
        )
        contact, _ = await create_contact(hub, caller, NewContact(name=name))
        say(contact["seq"])
        for written in range(1, count + 3):
            sent = await send_message(
                hub,
                caller,
                Draft(
                    role=MessageRole.USER,
                    direction=Direction.INBOUND,
                    contact_id=ContactId(contact["id"]),
                    platform=Platform.WEB,
                    content=f"{name} {written}",
                ),
            )
            say(sent.message["seq"])


def say(seq: int) -> None:
    """Tell the test what was acknowledged."""
    sys.stdout.write(json.dumps({"seq": seq}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
