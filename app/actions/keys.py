"""What makes a change happen once: its key, and the digest of what was meant."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.access import company_of
from app.hub import Hub
from app.journal.change import Change, Committed, Decision, Seen
from app.models.caller import Caller
from app.models.entity import Entity, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A thing as a change left it, as clients see it, and whether an earlier try with the same key had done it."""

    view: dict[str, Any]
    replayed: bool

    @classmethod
    def of(cls, committed: Committed, name: str) -> "Done":
        """Take the thing out of the change's first event, else out of its answer."""
        return cls(view=committed.payload.get(name) or committed.answer, replayed=committed.replayed)


def change_key(hub: Hub, caller: Caller, verb: str, client_key: str | None) -> tuple[str, bool]:
    """Return the key of a change, and whether the client chose it: `{principal}:{verb}:{client key}`."""
    return f"{caller.principal}:{verb}:{client_key or hub.new_id()}", client_key is not None


async def commit_on(
    hub: Hub,
    caller: Caller,
    verb: str,
    things: tuple[Ref[Entity], ...],
    decide: Callable[[Seen, datetime], Decision],
    client_key: str | None,
) -> Done:
    """Change the first of these things, whose kind names it in the answer; verb and id are all that is meant."""
    key, claimed = change_key(hub, caller, verb, client_key)
    thing = things[0]
    change = Change(
        company_id=company_of(caller),
        key=key,
        claimed=claimed,
        digest=digest_of(thing.value),
        needs=things,
        decide=decide,
    )
    return Done.of(await hub.journal.commit(change), thing.kind.kind)


def digest_of(*intent: object) -> str:
    """Return the digest of a parsed intent with its defaults filled, whatever door it came through."""
    return hashlib.sha256(orjson.dumps(intent, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
