"""The platform plane: the calls of Graph, Instagram, Telegram and a Meta bot server that the product makes."""

import asyncio
from typing import Any

from aiohttp import web

from tests.fake_platforms.answers import answer, graph_error, preset, telegram_error
from tests.fake_platforms.sending import Call, Sending
from tests.fake_platforms.state import State, Token

VERSION = r"/{version:v\d+\.\d+}"
GRANTS = ("fb_exchange_token", "ig_refresh_token", "ig_exchange_token")
BOT_PLATFORMS = {"/chat/manual-facebook": "facebook", "/chat/manual-instagram": "instagram"}
PAGES_AT_ONCE = 2
NEEDED = ("company_id", "customer_id", "platform", "content", "access_token", "customer_social_id")


class Planes:
    """Every platform at one address: paths tell them apart, bodies tell WhatsApp from Messenger."""

    def __init__(self, state: State, sending: Sending, app_secret: str) -> None:
        self.state = state
        self.sending = sending
        self.app_secret = app_secret
        self.instagram_accounts: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post(VERSION + "/{id}/messages", self.graph_messages),
            web.get(VERSION + "/oauth/access_token", self.exchange),
            web.get(VERSION + "/debug_token", self.debug_token),
            web.get(VERSION + "/me/accounts", self.accounts),
            web.get("/refresh_access_token", self.exchange),
            web.get("/access_token", self.exchange),
            web.get(VERSION + "/me", self.me),
            web.get(VERSION + "/{id}/phone_numbers", self.phone_numbers),
            web.get(VERSION + "/{id}", self.node),
            web.post("/bot{token}/{method}", self.telegram),
            *(web.post(path, self.meta_bot) for path in BOT_PLATFORMS),
            web.get("/health", self.health),
        ]

    async def graph_messages(self, request: web.Request) -> web.StreamResponse:
        """Messenger, Instagram or WhatsApp. Instagram's bodies are Messenger's: a bearer, or its own ids, tell."""
        body: dict[str, Any] = await request.json()
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        token = request.query.get("access_token") or bearer
        if body.get("messaging_product") == "whatsapp":
            if "to" not in body:
                shown = "typing" if "typing_indicator" in body else "seen"
                self.state.signs.append(("whatsapp", body["message_id"], shown))
                return answer({"success": True})
            text = body.get("text", {}).get("body", "")
            ours = body.get("biz_opaque_callback_data")
            whom = {"recipient": body["to"], "account": request.match_info["id"]}
            return await self.sending.take(
                request, Call(platform="whatsapp", token=token, text=text, our_id=ours, **whom), body
            )
        if "message" not in body:
            customer, sign = str(body.get("recipient", {}).get("id")), str(body.get("sender_action"))
            self.state.signs.append(("instagram" if bearer else "facebook", customer, sign))
            return answer({"recipient_id": customer})
        tagged = body.get("tag") == "HUMAN_AGENT"
        is_instagram = bool(bearer) or body["recipient"]["id"].startswith("IG")
        known = self.state.tokens.get(token)
        call = Call(
            platform="instagram" if is_instagram else "facebook",
            account=(known.account if known else "") or request.match_info["id"],
            recipient=body["recipient"]["id"],
            token=token,
            text=body["message"].get("text", ""),
            human_agent=tagged,
            our_id=body["message"].get("metadata"),
        )
        return await self.sending.take(request, call, body)

    async def exchange(self, request: web.Request) -> web.Response:
        """Give a newer token for one that is still valid, and count it."""
        old = request.query.get("fb_exchange_token") or request.query.get("access_token", "")
        known = self.state.tokens.get(old)
        self.state.refreshes += 1
        if (ruled := await self._ruled(request, old)) is not None:
            return ruled
        if "code" in request.query:
            return self._signed_in(request)
        if request.query.get("grant_type") not in GRANTS:
            return graph_error(400, 100)
        if request.query["grant_type"] == "fb_exchange_token" and not self._is_our_app(request):
            return graph_error(400, 101)
        if known is None or known.state != "valid":
            return graph_error(400, 190, 463 if known and known.state == "expired" else None)
        new = known.next or f"{old}+"
        self.state.tokens.setdefault(new, Token())
        return answer({"access_token": new, "token_type": "bearer", "expires_in": known.expires_in})

    def _signed_in(self, request: web.Request) -> web.Response:
        """Give the token of a person who came back with a code."""
        code = self.state.codes.pop(request.query["code"], None)
        if code is None or code.redirect_uri != request.query.get("redirect_uri") or not self._is_our_app(request):
            return graph_error(400, 100, 36009)
        return answer({"access_token": code.token, "token_type": "bearer", "expires_in": 5000})

    async def debug_token(self, request: web.Request) -> web.Response:
        """Say how a token is, to its app; one that lasts for 0 seconds never ends."""
        token = request.query.get("input_token", "")
        if (ruled := await self._ruled(request, token)) is not None:
            return ruled
        app_id, _, secret = request.query.get("access_token", "").partition("|")
        if not app_id or secret != self.app_secret:
            return graph_error(400, 190)
        known = self.state.tokens.get(token)
        if known is None:
            return answer({"data": {"is_valid": False, "scopes": [], "error": {"code": 190, "message": "Bad."}}})
        expires_at = int(self.state.now()) + known.expires_in if known.expires_in else 0
        data = {"is_valid": known.state == "valid", "expires_at": expires_at, "type": "PAGE", "scopes": []}
        if known.businesses:
            chosen = {"target_ids": list(known.businesses)} if known.names_businesses else {}
            data["granular_scopes"] = [{"scope": "whatsapp_business_management", **chosen}]
        if known.state != "valid":
            data["error"] = {"code": 190, "subcode": 463 if known.state == "expired" else 460, "message": "Bad."}
        return answer({"data": data})

    async def _ruled(self, request: web.Request, token: str) -> web.Response | None:
        """Return what a rule wants for a question; only rules that name its path do, for the others are for sends."""
        rules = [rule for rule in self.state.rules if "path" in rule.match]
        action = next((rule.action for rule in rules if rule.takes("graph", request.path, "", token, "")), {})
        await asyncio.sleep(60.0 if action.get("hang") else action.get("delay_ms", 0) / 1000)
        return preset(action["preset"], action) if "preset" in action else None

    def _is_our_app(self, request: web.Request) -> bool:
        return bool(request.query.get("client_id")) and request.query.get("client_secret") == self.app_secret

    async def accounts(self, request: web.Request) -> web.Response:
        """List the pages of a user's token."""
        known = self.state.tokens.get(request.query.get("access_token", ""))
        if (ruled := await self._ruled(request, request.query.get("access_token", ""))) is not None:
            return ruled
        if known is None or known.state != "valid":
            return graph_error(400, 190)
        if self.state.pages:
            return answer(self._page_of_pages(int(request.query.get("after", "0"))))
        return answer({"data": [{"id": "PAGE", "name": "Main page", "access_token": known.next or "page-token"}]})

    def _page_of_pages(self, after: int) -> dict[str, Any]:
        until = after + PAGES_AT_ONCE
        more = {"next": "https://elsewhere.test/a-token-must-not-go-here"} if until < len(self.state.pages) else {}
        return {"data": self.state.pages[after:until], "paging": {"cursors": {"after": str(until)}, **more}}

    async def me(self, request: web.Request) -> web.Response:
        """Say whose a token is: a page, a person, or with a bearer an Instagram account."""
        known, bearer = self._token_of(request)
        if (ruled := await self._ruled(request, bearer or request.query.get("access_token", ""))) is not None:
            return ruled
        if known is None or known.state != "valid":
            return graph_error(400, 190)
        fields = request.query.get("fields", "")
        if bearer:
            return answer({"id": f"app-{known.account}", "user_id": known.account, "username": f"user-{known.account}"})
        linked = next((page for page in self.state.pages if page["id"] == known.account), {})
        if "instagram_business_account" in fields:
            own = linked.get("instagram_business_account")
            return answer({"id": known.account, **({"instagram_business_account": own} if own else {})})
        return answer({"id": known.account, "name": linked.get("name", f"Page {known.account}")})

    async def phone_numbers(self, request: web.Request) -> web.Response:
        """List the numbers of a business account, to tokens with a role in it."""
        known, bearer = self._token_of(request)
        if (ruled := await self._ruled(request, bearer)) is not None:
            return ruled
        if known is None or known.state != "valid":
            return graph_error(400, 190)
        if (numbers := known.businesses.get(request.match_info["id"])) is None:
            return graph_error(400, 100, 33)  # "does not exist, or cannot be loaded due to missing permissions"
        listed = [{"id": each, "verified_name": f"Number {each}"} for each in numbers]
        after = int(request.query.get("after", "0"))
        more = {"next": "https://elsewhere.test/"} if after + PAGES_AT_ONCE < len(listed) else {}
        paging = {"cursors": {"after": str(after + PAGES_AT_ONCE)}, **more}
        return answer({"data": listed[after : after + PAGES_AT_ONCE], "paging": paging})

    def _token_of(self, request: web.Request) -> tuple[Token | None, str]:
        """Return what is known of the token that asks, and the bearer, if it is one."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.state.tokens.get(bearer or request.query.get("access_token", "")), bearer

    async def node(self, request: web.Request) -> web.Response:
        """Read a page's token, a customer's name, or where a medium lies."""
        known = self.state.tokens.get(request.query.get("access_token", ""))
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if (ruled := await self._ruled(request, bearer)) is not None:
            return ruled
        known = known or self.state.tokens.get(bearer)
        if known is None or known.state != "valid":
            return graph_error(400, 190)
        id, fields = request.match_info["id"], request.query.get("fields", "")
        if "access_token" in fields:
            token = known.next or "page-token"
            self.state.tokens.setdefault(token, Token())
            return answer({"id": id, "access_token": token})
        if "name" in fields:
            return answer({"id": id, "name": f"Customer {id}", "first_name": "Customer", "last_name": id})
        return answer({"id": id, "url": f"https://media.test/{id}", "mime_type": "image/jpeg"})

    async def telegram(self, request: web.Request) -> web.StreamResponse:
        """The Bot API: messages in all their kinds; anything else succeeds."""
        body: dict[str, Any] = await request.json() if request.can_read_body else {}
        method, token = request.match_info["method"], request.match_info["token"]
        if method in ("getMe", "setWebhook"):
            return await self._bot(request, method, token, body)
        if method == "sendChatAction":
            self.state.signs.append(("telegram", str(body.get("chat_id")), str(body.get("action"))))
        if not method.startswith("send") or method == "sendChatAction":
            return answer({"ok": True, "result": True})
        text, chat = body.get("text") or body.get("caption", ""), str(body.get("chat_id", ""))
        account = token.partition(":")[0]
        call = Call(platform="telegram", account=account, recipient=chat, token=token, text=text)
        return await self.sending.take(request, call, body)

    async def _bot(self, request: web.Request, method: str, token: str, body: dict[str, Any]) -> web.Response:
        """Say who a bot is, or note where its updates go."""
        if (ruled := await self._ruled(request, token)) is not None:
            return ruled
        known = self.state.tokens.get(token)
        if known is None or known.state != "valid":
            return telegram_error(401, "Unauthorized")
        if method == "setWebhook":
            self.state.webhooks[token] = body
            return answer({"ok": True, "result": True})
        id = int(token.partition(":")[0])
        return answer({"ok": True, "result": {"id": id, "is_bot": True, "first_name": f"Bot {id}"}})

    async def meta_bot(self, request: web.Request) -> web.StreamResponse:
        """A bot server that sends for the product; what the Graph refuses hides in `details`."""
        body: dict[str, Any] = await request.json()
        if missing := [name for name in NEEDED if not body.get(name)]:
            return answer({"success": False, "error": f"Missing required fields: {', '.join(missing)}"}, 400)
        platform, whom = BOT_PLATFORMS[request.path], body["customer_social_id"]
        call = Call(platform=platform, account="bot", recipient=whom, token=body["access_token"], text=body["content"])
        reply = await self.sending.take(request, call, body)
        if not isinstance(reply, web.Response) or reply.status != 200 or not isinstance(reply.body, bytes):
            details = reply.text if isinstance(reply, web.Response) else ""
            return answer(
                {"success": False, "error": f"Error in manual {platform} message send", "details": details}, 500
            )
        result = {"recipient_id": whom, "message_id": self.state.sent[-1].message_id}
        return answer({"success": True, "message": "MESSAGE_SENT", "result": result})

    async def health(self, _: web.Request) -> web.Response:
        """Be well."""
        return answer({"status": "ok"})
