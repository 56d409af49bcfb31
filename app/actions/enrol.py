"""Let somebody in: a member of staff with a password, or a bot or service with a key."""

from app.access import new_key
from app.errors import Invalid, NotFound
from app.hub import Hub
from app.models.entity import CompanyId, KeyId, UserId
from app.models.people import ApiKey, KeyKind, Role, Scope, User
from app.outside.passwords import MOST_BYTES
from app.outside.security_log import KEY_CREATED, USER_CREATED

SHORTEST = 8  # characters of a password


async def enrol_user(hub: Hub, company_id: CompanyId, *, email: str, role: Role, password: str, name: str = "") -> User:
    """Return the new member of staff. Raises NotFound, Invalid, Duplicate."""
    require_password(password)
    await _require_company(hub, company_id)
    user = User(
        id=UserId(hub.new_id()),
        company_id=company_id,
        email=email.strip().lower(),
        name=name or email.split("@")[0],
        role=role,
        password_hash=await hub.passwords.hash(password),
        created_at=hub.now(),
    )
    await hub.store.users.create(user)
    hub.security.say(USER_CREATED, user_id=user.id, company_id=company_id, role=role)
    return user


async def enrol_key(
    hub: Hub, company_id: CompanyId, *, name: str, kind: KeyKind, scopes: tuple[Scope, ...]
) -> tuple[ApiKey, str]:
    """Return the stored key and, this once, the key itself. Raises NotFound."""
    await _require_company(hub, company_id)
    secret, prefix, digest = new_key()
    key = ApiKey(
        id=KeyId(hub.new_id()),
        company_id=company_id,
        name=name,
        kind=kind,
        prefix=prefix,
        hash=digest,
        scopes=scopes,
        created_at=hub.now(),
    )
    await hub.store.api_keys.create(key)
    hub.security.say(KEY_CREATED, key_id=key.id, company_id=company_id, scopes=scopes)
    return key, secret


def require_password(password: str) -> None:
    """Refuse a password that is too short, or longer than what is hashed. Raises Invalid."""
    if len(password) < SHORTEST or len(password.encode()) > MOST_BYTES:
        raise Invalid.of("password", f"A password has {SHORTEST} characters or more, and {MOST_BYTES} bytes at most.")


async def _require_company(hub: Hub, company_id: CompanyId) -> None:
    if await hub.store.companies.get(company_id) is None:
        raise NotFound("There is no company with this id.")
