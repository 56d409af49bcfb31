"""One of several processes that write to a company at once.

python -m tests.journal.crowd URI COMPANY CONTACT NAME FOLDER prints a line of JSON when all is acknowledged: the seq of
each message by its key. Some keys are its own, some those that every process of the crowd sends.
"""

import asyncio
import json
import sys
from pathlib import Path

from app.actions.draft import Draft
from app.actions.send_message import send_message
from app.main import open_hub
from app.models.caller import Caller, CallerKind
from app.models.contact import Platform
from app.models.entity import CompanyId, ContactId
from app.models.message import Direction, MessageRole
from app.models.people import Scope
from tests.desk import settings_for

WRITERS = 4
OWN = 60  # messages of each process
COMMON = 40  # messages that all of them send, under the same keys
PRINCIPAL = "0" * 24


def keys_of(name: str) -> list[str]:
    """The keys that a process sends, the common ones between its own."""
    own, common = [f"{name}-{n}" for n in range(OWN)], [f"common-{n}" for n in range(COMMON)]
    return [key for n in range(max(OWN, COMMON)) for key in (*own[n : n + 1], *common[n : n + 1])]


async def main(uri: str, company_id: str, contact_id: str, name: str, folder: str) -> None:
    """Write with several writers, and say where everything went."""
    keys, seqs = iter(keys_of(name)), dict[str, int]()
    async with open_hub(settings_for(uri, Path(folder)), uri) as hub:
        company, scopes = CompanyId(company_id), frozenset({Scope.ALL})
        caller = Caller(kind=CallerKind.KEY, id=PRINCIPAL, name="crowd", company_id=company, scopes=scopes)

        async def write() -> None:
            for key in keys:
                draft = Draft(
                    role=MessageRole.USER,
                    direction=Direction.INBOUND,
                    contact_id=ContactId(contact_id),
                    platform=Platform.WEB,
                    content=key,
                    client_message_id=key,
                )
                seqs[key] = (await send_message(hub, caller, draft)).message["seq"]

        await asyncio.gather(*(write() for _ in range(WRITERS)))
    sys.stdout.write(json.dumps(seqs) + "\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:6]))
