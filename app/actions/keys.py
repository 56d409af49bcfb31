"""What makes a change happen once: its key, and the digest of what was meant."""

import hashlib

from app.hub import Hub
from app.models.caller import Caller
from app.models.wire import to_json


def change_key(hub: Hub, caller: Caller, verb: str, client_key: str | None) -> tuple[str, bool]:
    """Return the key of a change, and whether the client chose it: `{principal}:{verb}:{client key}`."""
    return f"{caller.principal}:{verb}:{client_key or hub.new_id()}", client_key is not None


def digest_of(*intent: object) -> str:
    """Return the digest of a parsed intent with its defaults filled, whatever door it came through."""
    return hashlib.sha256(to_json(intent)).hexdigest()[:32]
