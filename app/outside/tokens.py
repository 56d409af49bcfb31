"""Access tokens: signed by us, read by us. RFC 7519."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from app.errors import TokenExpired, Unauthenticated
from app.outside.derived import key_name

ISSUER = AUDIENCE = "parley"
ALGORITHM, TYPE = "HS256", "JWT"
NEEDED = ["exp", "iat", "iss", "aud", "sub", "jti", "sid", "cid"]
ID = re.compile(r"[0-9a-f]{24}")
# Seconds for which a token may seem to come from the future: what issued it may have read another clock.
LEEWAY = 60.0
# What a token can be besides good, even one that was signed with our secret: times and types without sense.
UNREADABLE = (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError, RecursionError)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: the person, their company, the sign-in it came from, and when it ends."""

    user_id: str
    company_id: str
    session_id: str
    expires_at: datetime


class Tokens:
    """Issue and read access tokens. `kid` names the secret that signed one; `now` is the clock that ends them."""

    def __init__(self, secret: str, lifetime: timedelta, now: Callable[[], datetime]) -> None:
        self._secret = secret
        self._kid = key_name(secret)
        self._now = now
        self._jwt = jwt.PyJWT({"enforce_minimum_key_length": True})
        self.lifetime = lifetime

    def issue(self, claims: Claims, token_id: str, now: datetime) -> str:
        """Return a token of these claims."""
        body = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": claims.user_id,
            "cid": claims.company_id,
            "sid": claims.session_id,
            "jti": token_id,
            "iat": int(now.timestamp()),
            # Rounded up, as it ends at a whole second: it lives no shorter than its client was told.
            "exp": math.ceil(claims.expires_at.timestamp()),
        }
        return self._jwt.encode(body, self._secret, algorithm=ALGORITHM, headers={"kid": self._kid, "typ": TYPE})

    def read(self, token: str) -> Claims:
        """Return what a token says. Raises TokenExpired, or Unauthenticated for everything else that is wrong."""
        try:
            body = self._signed(token)
            claims = Claims(_id(body["sub"]), _id(body["cid"]), _id(body["sid"]), _moment(body["exp"]))
            begins = max(_moment(body["iat"]), _moment(body.get("nbf", 0)))
        except UNREADABLE:
            raise Unauthenticated from None
        now = self._now()
        if begins > now + timedelta(seconds=LEEWAY):
            raise Unauthenticated
        if claims.expires_at <= now:
            raise TokenExpired
        return claims

    def _signed(self, token: str) -> dict[str, Any]:
        """Return what is in a token of ours; its times are looked at by our own clock, not by this machine's."""
        found = self._jwt.decode_complete(
            token,
            self._secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": NEEDED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        header, body = found["header"], found["payload"]
        if (header.get("typ"), header.get("kid")) != (TYPE, self._kid):
            raise jwt.InvalidTokenError
        return dict(body)


def _id(claimed: object) -> str:
    if not isinstance(claimed, str) or not ID.fullmatch(claimed):
        raise ValueError
    return claimed


def _moment(claimed: object) -> datetime:
    if isinstance(claimed, bool) or not isinstance(claimed, int | float):
        raise ValueError
    return datetime.fromtimestamp(claimed, UTC)
