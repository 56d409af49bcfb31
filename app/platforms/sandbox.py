"""A platform that is none: messages go through the outbox like anywhere, and their words say what becomes of them."""

import re
from uuid import uuid4

from app.models.contact import Platform
from app.models.exchange import Exchange
from app.models.failure import Failure, FailureClass, Refused
from app.platforms.network import Account, Limits, Network, Piece
from app.platforms.splitting import Unit

# "#transient*2" fails twice; "#rate:30" wants thirty seconds' peace; "#content" fails for good.
SCRIPT = re.compile(r"#([a-z]+)(?::(\d{1,6}))?(?:\*(\d{1,4}))?")
KINDS = {kind.value: kind for kind in FailureClass}
PAUSES = frozenset({FailureClass.PERMISSION})


class Sandbox(Network):
    """For trying things out: takes everything, unless the text asks for a failure by its class."""

    key = Platform.SANDBOX
    limits = Limits(text=1000, unit=Unit.CHARACTERS, caption=100)

    def send(self, account: Account, piece: Piece) -> Exchange[str]:
        """Take one piece, or refuse it as its text says."""
        yield from ()
        for name, wait, times in SCRIPT.findall(piece.text):
            if name in KINDS and (not times or piece.attempt <= int(times)):
                raise Refused(_scripted(KINDS[name], float(wait) if wait else None))
        return f"sandbox-{uuid4().hex}"


def _scripted(kind: FailureClass, wait: float | None) -> Failure:
    reason = f"The sandbox was asked to answer {kind.value}."
    return Failure(kind=kind, code="sandbox", reason=reason, wait=wait, pauses=kind in PAUSES)
