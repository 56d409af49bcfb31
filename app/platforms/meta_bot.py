"""A bot server of the company's own that sends for Facebook and Instagram in our place."""

import re
from collections.abc import Mapping
from typing import Any

from app.models.contact import Platform
from app.models.exchange import Exchange, Reply, Request
from app.models.failure import Failure, FailureClass, Refused
from app.platforms.meta_failures import AWAY, GARBLED, MESSENGER, ODD, failure_of
from app.platforms.network import Account, Piece

PATHS = {Platform.FACEBOOK: "/chat/manual-facebook", Platform.INSTAGRAM: "/chat/manual-instagram"}
# Where a Graph error hides in `details`: as its JSON, or as what a client library prints of it.
CODE = re.compile(r"""["']?\bcode["']?\s*[:=]\s*(\d{1,6})""")
SUBCODE = re.compile(r"""["']?\berror_subcode["']?\s*[:=]\s*(\d{1,8})""")


class MetaBot:
    """The bot server at `base`, for one of the two platforms; its contract is CONTRACT.md's."""

    def __init__(self, base: str, platform: Platform) -> None:
        self._url = f"{base.rstrip('/')}{PATHS[platform]}"
        self._platform = platform

    def send(self, account: Account, piece: Piece, *, company_id: str, customer_id: str) -> Exchange[str]:
        """Ask it to send one piece. Raises Refused."""
        reply = yield Request(
            method="POST",
            url=self._url,
            body={
                "company_id": company_id,
                "customer_id": customer_id,
                "platform": self._platform.value,
                "content": piece.text,
                "external_message_id": piece.our_id,
                "access_token": account.secrets["access_token"],
                "customer_social_id": piece.to,
            },
        )
        if not reply.is_success:
            raise Refused(_failure_in(reply))
        result = reply.facts.get("result")
        id = result.get("message_id") if isinstance(result, dict) else None
        if reply.facts.get("success") is not True or not isinstance(id, str):
            raise Refused(Failure(kind=FailureClass.UNCERTAIN, code=str(reply.status), reason=GARBLED))
        return id


def _failure_in(reply: Reply) -> Failure:
    if reply.status < 500:
        return Failure(kind=FailureClass.CONTENT, code=str(reply.status), reason=ODD)
    error = _graph_error_in(reply.facts.get("details"))
    if error is None:
        return Failure(kind=FailureClass.TRANSIENT, code=str(reply.status), reason=AWAY, outage=True)
    return failure_of(error, MESSENGER, reply)


def _graph_error_in(details: object) -> Mapping[str, Any] | None:
    """Return the code of the Graph error that the bot server met."""
    said = str(details)
    code, subcode = CODE.search(said), SUBCODE.search(said)
    if code is None:
        return None
    return {"code": int(code[1]), "error_subcode": int(subcode[1]) if subcode else 0}
