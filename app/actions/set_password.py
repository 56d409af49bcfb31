"""Give a person another password: whoever signed in with the old one is out."""

from app.actions.end_sessions import end_sessions
from app.actions.enrol import require_password
from app.errors import NotFound
from app.hub import Hub
from app.models.entity import CompanyId, UserId
from app.models.people import User
from app.outside.security_log import PASSWORD_SET


async def set_password(hub: Hub, company_id: CompanyId, user_id: UserId, password: str) -> User:
    """Return the person, all of whose sign-ins have ended. Raises Invalid, NotFound."""
    require_password(password)
    # Stored first: a sign-in with the old password that is under way looks again when it has made its row.
    user = await hub.store.users.set_password(company_id, user_id, await hub.passwords.hash(password))
    if user is None:
        raise NotFound("There is no such person in this company.")
    hub.security.say(PASSWORD_SET, user_id=user_id, company_id=company_id)
    await end_sessions(hub, company_id, user_id)
    return user
