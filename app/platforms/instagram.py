"""Instagram: a professional account talks with people who wrote to it, through its page or with a login of its own."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.models.contact import Platform
from app.models.exchange import Exchange
from app.models.sign import Sign
from app.models.token import TokenFacts
from app.platforms.graph import hear_entries, id_in, message_body, name_of, post, sign_body
from app.platforms.heard import Heard
from app.platforms.meta_tokens import (
    NO_APP,
    MetaApp,
    checked,
    login_renewed,
    owner_of,
    page_renewed,
    token_facts,
)
from app.platforms.network import Account, Checked, Credential, Limits, Network, Piece, Renewed
from app.platforms.shapes import mapping
from app.platforms.splitting import Unit

OF_PAGE = "instagram_business_account"  # the field of a page that names its account
OWN_LOGIN = "instagram"  # `login` of the channel's secrets; "page" is the other
LOGIN = re.compile("page|instagram")
PAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Instagram(Network):
    """The Send API of Instagram. https://developers.facebook.com/docs/instagram-platform

    One page of the documentation allows 1 000 characters, another 1 000 bytes: we keep to the smaller.
    """

    key = Platform.INSTAGRAM
    limits = Limits(text=1000, unit=Unit.BYTES)
    app_object = "instagram"
    credentials = (
        Credential(name="access_token"),
        Credential(name="login", form=LOGIN, looks="The login is page or instagram."),
        Credential(name="user_token", needed=False),
        Credential(name="page_id", form=PAGE_ID, needed=False, looks="A page's id looks like 102938475610293."),
    )

    def __init__(self, graph: str, own_graph: str, version: str, app: MetaApp = NO_APP) -> None:
        self._root, self._own_graph, self._app = f"{graph}/{version}", own_graph, app
        self._own_root = f"{own_graph}/{version}"
        self._by_page = f"{graph}/{version}/me/messages"
        self._by_login = f"{own_graph}/{version}/me/messages"

    def send(self, account: Account, piece: Piece) -> Exchange[str]:
        """Send one piece."""
        body = message_body(piece, metadata=False)
        if not piece.human_agent:
            del body["messaging_type"]
        return id_in((yield from self._post(account, body)))

    def sign(self, account: Account, to: str, sign: Sign, last_id: str | None = None) -> Exchange[None]:
        """Show it; it holds for some seconds."""
        yield from self._post(account, sign_body(to, sign))

    def check(self, account: Account) -> Exchange[Checked]:
        """Ask which account's login it is, or which account belongs to the page whose token it is; and for its name."""
        token = account.secrets["access_token"]
        if _has_own_login(account):
            owner = yield from owner_of(self._own_root, "user_id,username", bearer=token)
            return checked(owner, "user_id", "username")
        page = yield from owner_of(self._root, f"{OF_PAGE}{{id,name,username}}", token=token)
        return checked(mapping(page.get(OF_PAGE)), "id", "name", "username")

    def renew(self, account: Account) -> Exchange[Renewed]:
        """Renew the account's own login, or read its page's token again."""
        if _has_own_login(account):
            return login_renewed(self._own_graph, account)
        return page_renewed(self._root, self._app, account)

    def inspect(self, account: Account) -> Exchange[TokenFacts | None]:
        """Ask how the page's token is; of a login of its own there is nobody to ask."""
        return super().inspect(account) if _has_own_login(account) else token_facts(self._root, self._app, account)

    def profile(self, account: Account, peer: str) -> Exchange[str | None]:
        """Ask for the name of somebody who wrote to the account."""
        token = account.secrets["access_token"]
        if account.secrets.get("login") == OWN_LOGIN:
            return (yield from name_of(f"{self._own_root}/{peer}", bearer=token))
        return (yield from name_of(f"{self._root}/{peer}", token=token))

    def hear(self, payload: Mapping[str, Any]) -> Iterator[Heard]:
        """Yield what a webhook of `object: instagram` tells."""
        return hear_entries(payload)

    def _post(self, account: Account, body: Mapping[str, Any]) -> Exchange[Mapping[str, Any]]:
        token = account.secrets["access_token"]
        if _has_own_login(account):
            return (yield from post(self._by_login, body, bearer=token))
        return (yield from post(self._by_page, body, token=token))


def _has_own_login(account: Account) -> bool:
    return account.secrets.get("login") == OWN_LOGIN
