"""What passes between people who write to each other, and is not stored."""

from enum import StrEnum


class Sign(StrEnum):
    """What a platform can show of us."""

    TYPING = "typing"
    SEEN = "seen"
