"""Facebook's sign-in, by which a person lets us use their pages.

https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
"""

import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

from app.models.exchange import Exchange
from app.platforms.meta_tokens import MetaApp, get, longer_token, token_in
from app.platforms.shapes import mapping, mappings, words
from app.settings import Settings

# https://developers.facebook.com/docs/permissions
SCOPES = (
    "pages_show_list",
    "pages_messaging",
    "pages_manage_metadata",
    "business_management",
    "instagram_basic",
    "instagram_manage_messages",
)
FIELDS = "id,name,access_token,instagram_business_account{id,username}"
PER_CALL, MOST_CALLS = 100, 20  # pages; whoever has more than that connects the rest by their tokens
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the person's, its token, and the Instagram account that belongs to it."""

    id: str
    name: str
    token: str = field(repr=False)
    instagram_id: str | None = None
    instagram_name: str = ""

    def view(self) -> dict[str, object]:
        """Return the page as clients see it, without its token."""
        instagram = {"id": self.instagram_id, "name": self.instagram_name} if self.instagram_id else None
        return {"id": self.id, "name": self.name, "instagram": instagram}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a person gave: a token of their own, for so many seconds, and their pages."""

    token: str = field(repr=False)
    expires_in: float | None
    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FacebookLogin:
    """The sign-in of one app: `dialog` is where people go, `root` where the Graph is."""

    dialog: str
    root: str
    app: MetaApp

    def url(self, redirect_uri: str, state: str) -> str:
        """Return the address to send a person to; they come back to `redirect_uri` with a code and the state."""
        asked = {"client_id": self.app.id, "redirect_uri": redirect_uri, "state": state, "scope": ",".join(SCOPES)}
        return f"{self.dialog}?{urlencode({**asked, 'response_type': 'code'})}"

    def finish(self, code: str, redirect_uri: str) -> Exchange[Signed]:
        """Exchange what the person came back with, and read their pages. Raises Refused."""
        asked = {"client_id": self.app.id, "client_secret": self.app.secret}
        given = yield from get(f"{self.root}/oauth/access_token", {**asked, "redirect_uri": redirect_uri, "code": code})
        token, expires_in = yield from longer_token(self.root, self.app, token_in(given))
        return Signed(token=token, expires_in=expires_in, pages=(yield from self._pages(token)))

    def _pages(self, token: str) -> Exchange[tuple[Page, ...]]:
        asked = {"fields": FIELDS, "limit": str(PER_CALL), "access_token": token}
        found: list[Page] = []
        for _ in range(MOST_CALLS):
            answer = yield from get(f"{self.root}/me/accounts", asked)
            found += [page for each in mappings(answer.get("data")) if (page := _page(each))]
            paging = mapping(answer.get("paging"))
            # Not the whole address of `next`: a token goes nowhere but to the Graph that we know.
            after = words(mapping(paging.get("cursors")).get("after"))
            if not after or not paging.get("next"):
                break
            asked["after"] = after
        return tuple(found)


def facebook_login(settings: Settings) -> FacebookLogin:
    """Return the sign-in at the addresses that the settings name."""
    version, secret = settings.facebook_graph_version, settings.facebook_app_secret
    return FacebookLogin(
        dialog=f"{settings.facebook_login_base_url}/{version}/dialog/oauth",
        root=f"{settings.graph_base_url}/{version}",
        app=MetaApp(settings.facebook_app_id or "", secret.get_secret_value() if secret else ""),
    )


def _page(facts: object) -> Page | None:
    """Return a page that can be used: with an id, and a token that this person may have."""
    page = mapping(facts)
    id, token, instagram = (
        words(page.get("id")),
        words(page.get("access_token")),
        page.get("instagram_business_account"),
    )
    if not ID.fullmatch(id) or not token:
        return None
    instagram_id = words(mapping(instagram).get("id"))
    return Page(
        id=id,
        name=words(page.get("name")),
        token=token,
        instagram_id=instagram_id if ID.fullmatch(instagram_id) else None,
        instagram_name=words(mapping(instagram).get("username")),
    )
