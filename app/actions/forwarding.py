"""Say whether a stored message goes on to its platform, and if not, why."""

from typing import Any

from app.models.channel import IN_PROCESS
from app.models.message import Direction, MessageRole


def forwarding_of(message: dict[str, Any]) -> dict[str, str]:
    """Return `{state, reason?}` for a message as clients see it: skipped, queued, or how it ended."""
    delivery = message["delivery"]
    if message["direction"] == Direction.INBOUND:
        return {"state": "skipped", "reason": "inbound"}
    if message["role"] == MessageRole.USER:
        return {"state": "skipped", "reason": "not_from_staff"}
    if delivery is None:
        return {"state": "skipped", "reason": "no_channel"}
    if message["platform"] in IN_PROCESS:
        return {"state": "skipped", "reason": "in_process"}
    reason = {"reason": delivery["reason"]} if "reason" in delivery else {}
    return {"state": delivery["state"], **reason}
