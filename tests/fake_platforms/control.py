"""Where a test asks what happened, and tells what shall happen: `/__fake__/`.

GET  sent?platform=&recipient=   every call that asked to send, with its outcome
POST rules    {match: {platform, path, recipient, token, text_contains}, after, times, action}
              action: {preset} | {status, body, headers} | {delay_ms} | {hang}
                      | {drop_connection: before | after_headers} | {accept_then_timeout} | {emit_first}
POST tokens   {token, state: valid | expired | revoked, expires_in, next_token}
POST codes    {code, token, redirect_uri}: what a person comes back from the sign-in with
POST pages    {pages: [{id, name, access_token, instagram_business_account?}]}: what a user's token lists, 2 at a time
POST window   {recipient, open, last_in_at}
POST emit     {kind: message | delivery | read | echo | wa_status | tg_update, platform, account, peer, …, dup, shuffle}
POST clock    {advance_s}
POST reset
GET  stats
"""

from typing import Any

from aiohttp import web

from tests.fake_platforms.answers import answer
from tests.fake_platforms.state import DAY, Code, Rule, State, Token
from tests.fake_platforms.webhooks import Webhooks

KNOWN_FIELDS = {"match", "action", "after", "times"}


class Control:
    """The control plane."""

    def __init__(self, state: State, webhooks: Webhooks) -> None:
        self.state = state
        self.webhooks = webhooks

    def routes(self) -> list[web.RouteDef]:
        """Return its routes."""
        posts = {
            "rules": self.rules,
            "tokens": self.tokens,
            "codes": self.codes,
            "pages": self.pages,
            "window": self.window,
            "emit": self.emit,
            "clock": self.clock,
            "reset": self.reset,
        }
        return [
            web.get("/__fake__/sent", self.sent),
            web.get("/__fake__/stats", self.stats),
            *(web.post(f"/__fake__/{name}", handler) for name, handler in posts.items()),
        ]

    async def sent(self, request: web.Request) -> web.Response:
        """List what was asked to be sent."""
        return answer(self.state.sent_where(request.query.get("platform"), request.query.get("recipient")))

    async def stats(self, _: web.Request) -> web.Response:
        """Count."""
        return answer(self.state.stats())

    async def rules(self, request: web.Request) -> web.Response:
        """Take a rule; an unknown field is a mistake of the test."""
        order: dict[str, Any] = await request.json()
        if unknown := order.keys() - KNOWN_FIELDS:
            return answer({"error": f"unknown: {sorted(unknown)}"}, 400)
        self.state.rules.append(Rule(**{"match": {}, **order}))
        return answer({"ok": True})

    async def tokens(self, request: web.Request) -> web.Response:
        """Register a token, or change its state."""
        order = await request.json()
        given = {"state": order.get("state", "valid"), "next": order.get("next_token")}
        self.state.tokens[order["token"]] = Token(**given, expires_in=order.get("expires_in", 5_183_944))
        return answer({"ok": True})

    async def codes(self, request: web.Request) -> web.Response:
        """Register a code, and the token that it is exchanged for."""
        order = await request.json()
        self.state.tokens.setdefault(order["token"], Token())
        self.state.codes[order["code"]] = Code(token=order["token"], redirect_uri=order["redirect_uri"])
        return answer({"ok": True})

    async def pages(self, request: web.Request) -> web.Response:
        """Say which pages there are; their tokens are valid."""
        self.state.pages = (await request.json())["pages"]
        for page in self.state.pages:
            self.state.tokens.setdefault(page["access_token"], Token(account=page["id"]))
        return answer({"ok": True})

    async def window(self, request: web.Request) -> web.Response:
        """Say when a customer wrote last: now, long ago, or at a time."""
        order = await request.json()
        ago = 0.0 if order.get("open", True) else DAY + 60
        self.state.last_in[order["recipient"]] = order.get("last_in_at", self.state.now() - ago)
        return answer({"ok": True})

    async def emit(self, request: web.Request) -> web.Response:
        """Tell the product something."""
        return answer({"statuses": await self.webhooks.emit(await request.json())})

    async def clock(self, request: web.Request) -> web.Response:
        """Move the platform's time ahead."""
        self.state.ahead += (await request.json())["advance_s"]
        return answer({"ok": True})

    async def reset(self, _: web.Request) -> web.Response:
        """Forget everything."""
        self.state.__dict__.update(vars(State()))
        return answer({"ok": True})
