"""Messenger: a Facebook page talks with people who wrote to it."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.models.contact import Platform
from app.models.exchange import Exchange
from app.models.sign import Sign
from app.models.token import TokenFacts
from app.platforms.graph import hear_entries, id_in, message_body, name_of, post, sign_body
from app.platforms.heard import Heard
from app.platforms.meta_tokens import NO_APP, MetaApp, checked, owner_of, page_renewed, token_facts
from app.platforms.network import Account, Checked, Credential, Limits, Network, Piece, Renewed
from app.platforms.splitting import Unit


class Facebook(Network):
    """The Send API. https://developers.facebook.com/docs/messenger-platform/reference/send-api"""

    key = Platform.FACEBOOK
    limits = Limits(text=2000, unit=Unit.UTF_16)
    app_object = "page"
    credentials = (Credential(name="access_token"), Credential(name="user_token", needed=False))

    def __init__(self, graph: str, version: str, app: MetaApp = NO_APP) -> None:
        self._root, self._app = f"{graph}/{version}", app
        self._messages = f"{self._root}/me/messages"

    def send(self, account: Account, piece: Piece) -> Exchange[str]:
        """Send one piece with the page's token."""
        body = message_body(piece, metadata=True)
        return id_in((yield from post(self._messages, body, token=account.secrets["access_token"])))

    def sign(self, account: Account, to: str, sign: Sign, last_id: str | None = None) -> Exchange[None]:
        """Show it; it holds for some seconds."""
        yield from post(self._messages, sign_body(to, sign), token=account.secrets["access_token"])

    def check(self, account: Account) -> Exchange[Checked]:
        """Ask which page's token it is, and for the page's name."""
        owner = yield from owner_of(self._root, "id,name", token=account.secrets["access_token"])
        return checked(owner, "id", "name")

    def renew(self, account: Account) -> Exchange[Renewed]:
        """Read the page's token again, with the token of whoever connected it."""
        return page_renewed(self._root, self._app, account)

    def inspect(self, account: Account) -> Exchange[TokenFacts | None]:
        """Ask how the page's token is."""
        return token_facts(self._root, self._app, account)

    def profile(self, account: Account, peer: str) -> Exchange[str | None]:
        """Ask for the name of somebody who wrote to the page."""
        return (yield from name_of(f"{self._root}/{peer}", token=account.secrets["access_token"]))

    def hear(self, payload: Mapping[str, Any]) -> Iterator[Heard]:
        """Yield what a webhook of `object: page` tells."""
        return hear_entries(payload)
