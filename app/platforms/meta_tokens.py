"""Meta's tokens: a person's is exchanged for a longer one, a page's is read with it, and any can be asked about.

https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived
https://developers.facebook.com/docs/graph-api/reference/debug_token
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.models.exchange import Exchange, Request
from app.models.failure import Failure, Refused
from app.models.token import TokenFacts
from app.platforms.meta_failures import AUTH, CUT_OFF, GARBLED, MESSENGER, UNCERTAIN, answer_in
from app.platforms.network import Account, Checked, Renewed, no_way
from app.platforms.shapes import mapping, mappings, words

EXPIRED = (463, 467)  # subcodes of error 190 that come with time; the others come with a decision


@dataclass(frozen=True, slots=True)
class MetaApp:
    """The app that channels were connected through; without id and secret much cannot be asked."""

    id: str = ""
    secret: str = field(default="", repr=False)

    @property
    def is_known(self) -> bool:
        """Tell whether we may speak for it."""
        return bool(self.id and self.secret)


NO_APP = MetaApp()


def page_renewed(root: str, app: MetaApp, account: Account) -> Exchange[Renewed]:
    """Exchange the person's token if we may, and read the page's again with it. Raises Refused.

    `root` is the Graph's address with its version. The page is the account, unless the secrets name its `page_id`.
    """
    user_token = account.secrets.get("user_token")
    if not user_token:
        raise no_way()
    expires_in = None
    if app.is_known:
        user_token, expires_in = yield from longer_token(root, app, user_token)
    page_id = account.secrets.get("page_id") or account.external_id
    page = yield from get(f"{root}/{page_id}", {"fields": "access_token", "access_token": user_token})
    secrets = {**account.secrets, "user_token": user_token, "access_token": token_in(page)}
    return Renewed(secrets=secrets, expires_in=expires_in)


def longer_token(root: str, app: MetaApp, user_token: str) -> Exchange[tuple[str, float | None]]:
    """Exchange a person's token for one that lasts, and say for how many seconds. Raises Refused."""
    asked = {"grant_type": "fb_exchange_token", "client_id": app.id, "client_secret": app.secret}
    longer = yield from get(f"{root}/oauth/access_token", {**asked, "fb_exchange_token": user_token})
    return token_in(longer), seconds_in(longer)


def owner_of(root: str, fields: str, *, token: str = "", bearer: str = "") -> Exchange[Mapping[str, Any]]:
    """Ask a token whose it is: to a page's own token, `me` is the page, to anybody else's it is not. Raises Refused.

    Any token that may read an account's name could ask by the account's id; that would prove nothing.
    """
    query = {"fields": fields} | ({"access_token": token} if token else {})
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    return answer_in((yield Request(method="GET", url=f"{root}/me", query=query, headers=headers)), MESSENGER)


def checked(owner: Mapping[str, Any], id: str, *names: str) -> Checked:
    """Return the account in a platform's answer, and the first of these names that it has."""
    known = (words(owner.get(name)) for name in names)
    return Checked(account=words(owner.get(id)) or None, name=next(filter(None, known), None))


def targets_of(root: str, app: MetaApp, token: str, scopes: Collection[str]) -> Exchange[tuple[str, ...]]:
    """Return what a token is for within these scopes, as far as Meta names it. Raises Refused, `auth` for a bad one.

    https://developers.facebook.com/docs/graph-api/reference/debug_token
    """
    data = yield from _told_of(root, app, token)
    if data.get("is_valid") is not True:
        raise Refused(Failure(kind=AUTH, code="190", reason=CUT_OFF))
    given = [each for each in mappings(data.get("granular_scopes")) if each.get("scope") in scopes]
    ids = (id for each in given for id in each.get("target_ids") or () if isinstance(id, str))
    return tuple(dict.fromkeys(ids))


def login_renewed(own_graph: str, account: Account) -> Exchange[Renewed]:
    """Renew the token of an Instagram Login, which must be a day old and may not have run out. Raises Refused.

    https://developers.facebook.com/docs/instagram-platform/reference/refresh_access_token
    """
    asked = {"grant_type": "ig_refresh_token", "access_token": account.secrets["access_token"]}
    longer = yield from get(f"{own_graph}/refresh_access_token", asked)
    secrets = {**account.secrets, "access_token": token_in(longer)}
    return Renewed(secrets=secrets, expires_in=seconds_in(longer))


def token_facts(root: str, app: MetaApp, account: Account) -> Exchange[TokenFacts | None]:
    """Ask about the channel's token, and about the one that renews it; None when we may not. Raises Refused.

    The channel is as well as its own token is; `expires_at` is when the first of the two ends.
    """
    if not app.is_known or "access_token" not in account.secrets:
        return None
    own = yield from _facts_of(root, app, account.secrets["access_token"])
    ends = [own.expires_at]
    if user_token := account.secrets.get("user_token"):
        ends.append((yield from _facts_of(root, app, user_token)).expires_at)
    known = [each for each in ends if each is not None]
    return TokenFacts(is_valid=own.is_valid, has_expired=own.has_expired, expires_at=min(known, default=None))


def _facts_of(root: str, app: MetaApp, token: str) -> Exchange[TokenFacts]:
    data = yield from _told_of(root, app, token)
    is_valid, ends = data.get("is_valid"), data.get("expires_at")
    if not isinstance(is_valid, bool):
        raise Refused(Failure(kind=UNCERTAIN, code="200", reason=GARBLED))
    try:
        expires_at = datetime.fromtimestamp(ends, UTC) if isinstance(ends, int) and ends > 0 else None  # 0: never
    except (OverflowError, ValueError, OSError):
        expires_at = None
    has_expired = not is_valid and mapping(data.get("error")).get("subcode") in EXPIRED
    return TokenFacts(is_valid=is_valid, has_expired=has_expired, expires_at=expires_at)


def _told_of(root: str, app: MetaApp, token: str) -> Exchange[Mapping[str, Any]]:
    asked = {"input_token": token, "access_token": f"{app.id}|{app.secret}"}
    return mapping((yield from get(f"{root}/debug_token", asked)).get("data"))


def get(url: str, query: Mapping[str, str]) -> Exchange[Mapping[str, Any]]:
    """Ask the Graph. Raises Refused."""
    reply = yield Request(method="GET", url=url, query=query)
    return answer_in(reply, MESSENGER)


def token_in(answer: Mapping[str, Any]) -> str:
    """Return the token that was given. Raises Refused: a page that this person may not use has none."""
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise Refused(Failure(kind=AUTH, code="no_token", reason=CUT_OFF))
    return token


def seconds_in(answer: Mapping[str, Any]) -> float | None:
    """Return how long a token lasts, if that is said."""
    seconds = answer.get("expires_in")
    return float(seconds) if type(seconds) is int and 0 < seconds < 10**10 else None
