"""Let a person of the staff in again who was let go; they sign in anew, with the password that they had."""

from app.actions.end_access import end_access
from app.errors import NotFound
from app.hub import Hub
from app.models.entity import CompanyId, UserId
from app.models.people import User
from app.outside.security_log import USER_ACTIVATED


async def activate_user(hub: Hub, company_id: CompanyId, user_id: UserId) -> User:
    """Return the person. Raises NotFound."""
    user = await hub.store.users.activate(company_id, user_id)
    if user is None:
        raise NotFound("There is no such person in this company.")
    hub.security.say(USER_ACTIVATED, user_id=user_id, company_id=company_id)
    await end_access(hub, f"user:{user_id}")  # every process forgets that they were not let in
    return user
