"""Get a channel a newer token, once, however many ask for it."""

from app.hub import Hub
from app.models.channel import Channel
from app.models.failure import Failure


class RenewalLater(Exception):
    """It cannot be renewed now, though it may be later."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


async def renew_token(hub: Hub, channel: Channel) -> Channel | None:
    """Return the channel with credentials newer than these, None when there is no way to get any."""
    return None
