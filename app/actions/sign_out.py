"""Sign a person out."""

from contextlib import suppress

from app.access import numbered
from app.actions.end_sessions import end_session
from app.errors import Unauthenticated
from app.hub import Hub
from app.models.entity import SessionId


async def sign_out(hub: Hub, *, session_id: SessionId | None, token: str | None, address: str | None = None) -> None:
    """End the sign-in of this caller, and that of this refresh token; ending it twice is no mistake.

    Raises TooManyGuesses for an `address` that many tokens come from that are not ours, and RateLimited where those of
    one sign-in are shown too often.
    """
    if session_id is not None:
        await end_session(hub, session_id)
    if token is not None:
        with suppress(Unauthenticated):
            await end_session(hub, (await numbered(hub, token, address)).session_id)
