"""Tell whether a channel is there, and still the company's."""

from app.errors import BuiltIn, NotConnected, NotFound
from app.models.channel import IN_PROCESS, Channel


def connected(channel: Channel | None) -> Channel:
    """Return the channel. Raises NotFound, NotConnected."""
    if channel is None:
        raise NotFound
    if not channel.is_connected:
        raise NotConnected
    return channel


def require_optional(channel: Channel) -> None:
    """Refuse to stop what a company cannot be without. Raises BuiltIn."""
    if channel.platform in IN_PROCESS:
        raise BuiltIn
