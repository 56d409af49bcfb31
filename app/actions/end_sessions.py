"""End sign-ins: one, or all of a person's. Their tokens are refused, their sockets are closed."""

from app.actions.end_access import end_access
from app.errors import NotFound
from app.hub import Hub
from app.models.entity import CompanyId, SessionId, UserId
from app.outside.security_log import SIGN_INS_ENDED, SIGNED_OUT


async def end_session(hub: Hub, session_id: SessionId) -> None:
    """End one sign-in; ending it twice is no mistake."""
    await hub.store.sessions.end(session_id)
    await end_access(hub, f"session:{session_id}")
    hub.security.say(SIGNED_OUT, session_id=session_id)


async def end_sessions(hub: Hub, company_id: CompanyId, user_id: UserId) -> int:
    """End all sign-ins of a person, and return how many there were. Raises NotFound."""
    if await hub.store.users.get(company_id, user_id) is None:
        raise NotFound("There is no such person in this company.")
    ended = await hub.store.sessions.end_all_of(company_id, user_id)
    await end_access(hub, f"user:{user_id}")
    hub.security.say(SIGN_INS_ENDED, user_id=user_id, company_id=company_id, count=ended)
    return ended
