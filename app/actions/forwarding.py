"""Say whether a stored message goes on to its platform, and if not, why."""

from typing import Any

from app.models.delivery import DeliveryState
from app.models.message import Direction, MessageRole


def forwarding_of(message: dict[str, Any]) -> dict[str, str]:
    """Return `{state: queued | skipped, reason}` for a message as clients see it."""
    delivery = message["delivery"]
    if message["direction"] == Direction.INBOUND:
        return {"state": "skipped", "reason": "inbound"}
    if message["role"] == MessageRole.USER:
        return {"state": "skipped", "reason": "not_from_staff"}
    if delivery is None:
        return {"state": "skipped", "reason": "no_channel"}
    if delivery["state"] == DeliveryState.QUEUED:
        return {"state": "queued"}
    return {"state": "skipped", "reason": "in_process"}
