"""What is known of a channel's token, and what that means for the channel."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.models.channel import Health

SOON = timedelta(days=10)  # before its end a token is renewed, and while that fails, staff are warned

ENDS_SOON = "This channel's sign-in runs out soon and has not been renewed; connect the channel again."
ENDED = "This channel's sign-in has run out; connect the channel again."
REVOKED = "The platform no longer accepts this channel's sign-in; connect the channel again."


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """What a platform says of a token. `expires_at` is None for one that does not end, or of which it is not known."""

    is_valid: bool
    has_expired: bool = False
    expires_at: datetime | None = None

    def health(self, now: datetime) -> tuple[Health, str | None]:
        """Return how a channel with this token is, and why."""
        if self.has_expired:
            return Health.EXPIRED, ENDED
        if not self.is_valid:
            return Health.NEEDS_REAUTH, REVOKED
        if self.expires_at is not None and self.expires_at < now + SOON:
            return Health.EXPIRING_SOON, ENDS_SOON
        return Health.HEALTHY, None
