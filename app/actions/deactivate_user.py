"""Let a person of the staff in no more: what they wrote stays theirs."""

from app.actions.end_sessions import end_sessions
from app.errors import NotFound
from app.hub import Hub
from app.models.entity import CompanyId, UserId
from app.models.people import User
from app.outside.security_log import USER_DEACTIVATED


async def deactivate_user(hub: Hub, company_id: CompanyId, user_id: UserId) -> User:
    """Return the person, who can neither sign in nor go on with any sign-in. Raises NotFound."""
    user = await hub.store.users.deactivate(company_id, user_id)
    if user is None:
        raise NotFound("There is no such person in this company.")
    hub.security.say(USER_DEACTIVATED, user_id=user_id, company_id=company_id)
    await end_sessions(hub, company_id, user_id)
    return user
