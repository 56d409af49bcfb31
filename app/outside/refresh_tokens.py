"""Refresh tokens: `{sign-in}.{n}.{proof}`, derived and so never stored, and told from made-up ones without asking."""

import re
from typing import NamedTuple

from app.models.entity import SessionId
from app.outside.derived import Derived

LABEL = "refresh token"
FORM = re.compile(r"([0-9a-f]{24})\.([0-9]{1,9})\.([A-Za-z0-9_-]{43})")


class Numbered(NamedTuple):
    """A sign-in, and the number of one of its refresh tokens."""

    session_id: SessionId
    n: int


class RefreshTokens:
    """Make and read refresh tokens."""

    def __init__(self, derived: Derived) -> None:
        self._derived = derived

    @property
    def key(self) -> str:
        """Return the name of the key that tokens are made with now."""
        return self._derived.names[0]

    def make(self, session_id: SessionId, n: int, key: str) -> str:
        """Return the token of this number; the same one each time."""
        return f"{session_id}.{n}.{self._derived.proof(LABEL, f'{session_id}.{n}', key)}"

    def read(self, token: str) -> Numbered | None:
        """Return what a token says; None when we did not make it."""
        parts = FORM.fullmatch(token)
        if parts is None or not self._derived.proves(LABEL, f"{parts[1]}.{parts[2]}", parts[3]):
            return None
        return Numbered(SessionId(parts[1]), int(parts[2]))
