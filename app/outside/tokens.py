"""Access tokens: signed by us, read by us. RFC 7519."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from app.errors import TokenExpired, Unauthenticated

ISSUER = AUDIENCE = "parley"
ALGORITHM = "HS256"
NEEDED = ["exp", "iat", "iss", "aud", "sub", "jti", "sid", "cid"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: the person, their company, the sign-in it came from, and when it ends."""

    user_id: str
    company_id: str
    session_id: str
    expires_at: datetime


class Tokens:
    """Issue and read access tokens. `kid` names the secret, so that another can take its place later."""

    def __init__(self, secret: str, lifetime: timedelta) -> None:
        self._secret = secret
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
            "iat": now,
            "exp": claims.expires_at,
        }
        return self._jwt.encode(body, self._secret, algorithm=ALGORITHM, headers={"kid": "1"})

    def read(self, token: str) -> Claims:
        """Return what a token says. Raises TokenExpired, or Unauthenticated for everything else that is wrong."""
        try:
            body = self._jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": NEEDED},
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except (jwt.InvalidTokenError, ValueError):
            raise Unauthenticated from None
        return Claims(str(body["sub"]), str(body["cid"]), str(body["sid"]), datetime.fromtimestamp(body["exp"], UTC))
