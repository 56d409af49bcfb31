"""Sign a person out."""

from app.access import numbered
from app.actions.end_sessions import end_session
from app.hub import Hub
from app.models.entity import SessionId


async def sign_out(hub: Hub, *, session_id: SessionId | None, token: str | None) -> None:
    """End the sign-in of this caller, and that of this refresh token; ending it twice is no mistake."""
    named = await numbered(hub, token) if token is not None else None
    for each in {session_id, named.session_id if named else None}:
        if each is not None:
            await end_session(hub, each)
