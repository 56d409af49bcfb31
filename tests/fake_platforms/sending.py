"""A call that asks to send: what shall go wrong with it, and what a strict platform says to the rest."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fake_platforms.answers import answer, graph_error, preset, telegram_error
from tests.fake_platforms.state import DAY, Sent, State
from tests.fake_platforms.webhooks import Webhooks

LIMITS = {"facebook": 2000, "instagram": 1000, "whatsapp": 4096, "telegram": 4096}
HANG = 60.0  # seconds, more than any client waits
WEEK = 7 * DAY


@dataclass(kw_only=True)
class Call:
    """What is asked for: whose account, whom to tell, and what."""

    platform: str
    account: str
    recipient: str
    token: str
    text: str
    human_agent: bool = False
    our_id: str | None = None


class Sending:
    """Every platform's way of taking a message."""

    def __init__(self, state: State, webhooks: Webhooks) -> None:
        self.state = state
        self.webhooks = webhooks

    async def take(self, request: web.Request, call: Call, body: dict[str, Any]) -> web.StreamResponse:
        """Answer one call, and take down what became of it."""
        sent = self.state.record(call.platform, request.path, call.recipient, _headers_of(request), body)
        conversation = f"{call.platform}:{call.recipient}"
        self.state.calls[call.account] += 1
        self.state.in_flight[conversation] += 1
        self.state.most_in_flight = max(self.state.most_in_flight, self.state.in_flight[conversation])
        try:
            action = self.state.rule_for(call.platform, request.path, call.recipient, call.token, call.text)
            return await self._act(request, call, sent, action)
        finally:
            self.state.in_flight[conversation] -= 1

    async def _act(self, request: web.Request, call: Call, sent: Sent, action: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(action.get("delay_ms", 0) / 1000)
        if action.get("hang"):
            await asyncio.sleep(HANG)
        if action.get("drop_connection") == "before":
            return _dropped(request)
        if "preset" in action:
            return preset(action["preset"], action)
        if "status" in action:
            return web.Response(
                status=action["status"], text=str(action.get("body", "")), headers=action.get("headers")
            )
        refusal = self._refusal_of(call)
        if refusal is not None:
            return refusal
        return await self._accept(request, call, sent, action)

    async def _accept(self, request: web.Request, call: Call, sent: Sent, action: dict[str, Any]) -> web.StreamResponse:
        sent.message_id = self._id_for(call)
        unanswered = bool(action.get("accept_then_timeout")) or action.get("drop_connection") == "after_headers"
        sent.outcome = "delivered_unanswered" if unanswered else "delivered"
        if action.get("emit_first") or unanswered:
            await self.webhooks.confirm(
                call.platform, call.account, call.recipient, sent.message_id, call.text, call.our_id
            )
        if action.get("drop_connection") == "after_headers":
            assert request.transport is not None
            request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            return _dropped(request)
        if unanswered:
            await asyncio.sleep(HANG)
        return self._success(call, sent.message_id)

    def _id_for(self, call: Call) -> str:
        number = next(self.state.numbers)
        return (
            str(number)
            if call.platform == "telegram"
            else f"{'wamid.' if call.platform == 'whatsapp' else 'm_'}{number}"
        )

    def _refusal_of(self, call: Call) -> web.Response | None:
        """Return what a strict platform says: token, customer, length, window."""
        graph = call.platform != "telegram"
        token = self.state.tokens.get(call.token)
        if token is None or token.state != "valid":
            subcode = 463 if token and token.state == "expired" else 460 if token else None
            return graph_error(400, 190, subcode) if graph else telegram_error(401, "Unauthorized")
        silent = self.state.silent_for(call.recipient)
        if silent is None and call.platform == "whatsapp":
            return None  # it takes any number, and says later that it did not get through
        if silent is None:
            return graph_error(400, 100, 2018001) if graph else telegram_error(400, "Bad Request: chat not found")
        size = len(call.text.encode()) if call.platform == "instagram" else len(call.text.encode("utf-16-le")) // 2
        if size > LIMITS[call.platform]:
            return graph_error(400, 100) if graph else telegram_error(400, "Bad Request: message is too long")
        if call.platform in ("facebook", "instagram") and silent > (WEEK if call.human_agent else DAY):
            return graph_error(403, 10, 2534022) if call.platform == "instagram" else graph_error(400, 10, 2018278)
        return None

    @staticmethod
    def _success(call: Call, id: str) -> web.Response:
        if call.platform == "telegram":
            return answer(
                {"ok": True, "result": {"message_id": int(id), "chat": {"id": call.recipient}, "text": call.text}}
            )
        if call.platform == "whatsapp":
            contacts = [{"input": call.recipient, "wa_id": call.recipient}]
            messages = [{"id": id, "message_status": "accepted"}]
            return answer({"messaging_product": "whatsapp", "contacts": contacts, "messages": messages})
        return answer({"recipient_id": call.recipient, "message_id": id})


def _headers_of(request: web.Request) -> dict[str, str]:
    return {str(name).lower(): value for name, value in request.headers.items()}


def _dropped(request: web.Request) -> web.Response:
    """Break the connection off without another byte."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()
