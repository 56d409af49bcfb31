"""How long a platform takes replies after the customer wrote last."""

from datetime import datetime, timedelta
from enum import StrEnum

from app.models.contact import Platform

DAY, WEEK = timedelta(days=1), timedelta(days=7)
# https://developers.facebook.com/docs/messenger-platform/policy/policy-overview: a person may reply for a week.
FOR_PEOPLE = frozenset({Platform.FACEBOOK, Platform.INSTAGRAM})
LIMITED = FOR_PEOPLE | {Platform.WHATSAPP}


class Window(StrEnum):
    """Whether a reply may go out."""

    OPEN = "open"
    HUMAN_AGENT = "human_agent"
    CLOSED = "closed"


def window_for(platform: Platform, heard_at: datetime | None, now: datetime, *, by_person: bool) -> Window:
    """Return how it stands. Where we never heard the customer ourselves, the platform knows better than we do."""
    if platform not in LIMITED or heard_at is None or now - heard_at <= DAY:
        return Window.OPEN
    if platform in FOR_PEOPLE and by_person and now - heard_at <= WEEK:
        return Window.HUMAN_AGENT
    return Window.CLOSED
