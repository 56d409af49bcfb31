"""What makes a change happen once: its key, and the digest of what was meant."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from app.hub import Hub
from app.journal.change import Committed
from app.models.caller import Caller


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


def digest_of(*intent: object) -> str:
    """Return the digest of a parsed intent with its defaults filled, whatever door it came through."""
    return hashlib.sha256(orjson.dumps(intent, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
