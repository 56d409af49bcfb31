"""Know a message of ours again by what we put into it: its id comes back in echoes and statuses. Pure."""

import re
from datetime import datetime

from app.actions.record_outcome import is_whole, with_part
from app.hub import Hub
from app.journal.change import Seen
from app.models.channel import Channel
from app.models.delivery import DeliveryState
from app.models.entity import evolve
from app.models.message import Message
from app.platforms.network import pieces_of

OUR_ID = re.compile(r"([0-9a-f]{24})(?:/(\d{1,4}))?")  # of the message, and of its piece from the second on


def named_by(seen: Seen, channel: Channel, our_id: str | None) -> tuple[Message, int] | None:
    """Return the message of this channel, and the piece, that an id of ours names."""
    match = OUR_ID.fullmatch(our_id or "")
    message = seen.get(Message.ref(match[1])) if match else None
    if match is None or message is None or message.channel_id != channel.id or message.delivery is None:
        return None
    return message, int(match[2] or 0)


def with_proof(hub: Hub, message: Message, index: int, external_id: str, now: datetime) -> Message:
    """Return the message with a piece that the platform has; an uncertain one that is whole by it was sent."""
    after = with_part(message, index, external_id)
    delivery, network = after.delivery, hub.networks.get(message.platform)
    if delivery is None or network is None or delivery.state is not DeliveryState.UNCERTAIN:
        return after
    if not is_whole(after, len(pieces_of(message.content, message.attachments, network.limits))):
        return after
    return evolve(after, delivery=delivery.sent(delivery.sent_at or now, delivery.attempts))
