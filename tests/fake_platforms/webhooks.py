"""What the fake platforms tell the product: payloads in each platform's shape, signed as Meta signs them."""

import asyncio
import hashlib
import hmac
import random
from typing import Any

import aiohttp
import orjson

from tests.fake_platforms.state import State

PATHS = {"facebook": "facebook", "instagram": "instagram", "whatsapp": "whatsapp"}
OBJECTS = {"facebook": "page", "instagram": "instagram"}


class Webhooks:
    """Sends what `emit` asks for to `target`, as often and in whatever order it is told."""

    def __init__(self, state: State, target: str | None, app_secret: str) -> None:
        self.state = state
        self.target = target
        self.app_secret = app_secret

    async def emit(self, order: dict[str, Any]) -> list[int]:
        """Build and post what an order describes; the status of each answer, in the order in which they were posted."""
        payloads = [self.payload(order)] * int(order.get("dup", 1))
        if order.get("shuffle"):
            random.shuffle(payloads)
        await asyncio.sleep(order.get("delay_ms", 0) / 1000)
        return [await self._post(order, payload) for payload in payloads]

    def payload(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return a webhook's payload; `payload` in the order is taken as it is."""
        if "payload" in order:
            given: dict[str, Any] = order["payload"]
            return given
        platform, account, peer = order.get("platform", "facebook"), order.get("account", ""), order.get("peer", "")
        if order["kind"] == "message":
            self.state.last_in[peer] = self.state.now()
        if platform == "telegram":
            return self._telegram(order, peer)
        if platform == "whatsapp":
            return self._whatsapp(order, account, peer)
        return self._messenger(order, platform, account, peer)

    async def confirm(
        self, platform: str, account: str, peer: str, id: str, text: str, our_id: str | None
    ) -> list[int]:
        """Tell that a message of the product went out: an echo or a status, where the platform has one."""
        if self.target is None or platform == "telegram":
            return []
        kind = "wa_status" if platform == "whatsapp" else "echo"
        order = {"kind": kind, "platform": platform, "account": account, "peer": peer, "id": id, "text": text}
        return await self.emit({**order, "our_id": our_id, "status": "sent"})

    def _messenger(self, order: dict[str, Any], platform: str, account: str, peer: str) -> dict[str, Any]:
        now = int(self.state.now() * 1000)
        id = order.get("id") or f"m_in{next(self.state.numbers)}"
        what: dict[str, Any]
        if order["kind"] == "echo":
            named = {"metadata": order["our_id"]} if order.get("our_id") and platform == "facebook" else {}
            what = {"message": {"is_echo": True, "app_id": 123, "mid": id, "text": order.get("text", ""), **named}}
            account_first = (account, peer)
        else:
            account_first = (peer, account)
            watermark = {"watermark": order.get("watermark", now)}
            what = {
                "message": {"message": {"mid": id, "text": order.get("text", "")}},
                "delivery": {"delivery": {"mids": [id], **watermark}},
                "read": {"read": {"mid": id} if platform == "instagram" else watermark},
            }[order["kind"]]
        sender, recipient = account_first
        told = {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": now, **what}
        return {"object": OBJECTS[platform], "entry": [{"id": account, "time": now, "messaging": [told]}]}

    def _whatsapp(self, order: dict[str, Any], account: str, peer: str) -> dict[str, Any]:
        now = str(int(self.state.now()))
        id = order.get("id") or f"wamid.in{next(self.state.numbers)}"
        value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": account}}
        if order["kind"] == "message":
            text = {"type": "text", "text": {"body": order.get("text", "")}}
            value["contacts"] = [{"profile": {"name": order.get("name", peer)}, "wa_id": peer}]
            value["messages"] = [{"from": peer, "id": id, "timestamp": now, **text}]
        else:
            status = {"id": id, "status": order.get("status", "delivered"), "timestamp": now, "recipient_id": peer}
            ours = {"biz_opaque_callback_data": order["our_id"]} if order.get("our_id") else {}
            errors = {"errors": [{"code": order["code"]}]} if "code" in order else {}
            value["statuses"] = [{**status, **ours, **errors}]
        changes = [{"field": "messages", "value": value}]
        return {"object": "whatsapp_business_account", "entry": [{"id": "WABA", "changes": changes}]}

    def _telegram(self, order: dict[str, Any], peer: str) -> dict[str, Any]:
        number = next(self.state.numbers)
        person = {"id": int(peer), "is_bot": False, "first_name": order.get("name", "Ann")}
        message = {
            "message_id": int(order.get("id", number)),
            "from": person,
            "chat": {"id": int(peer), "type": "private"},
            "date": int(self.state.now()),
            "text": order.get("text", ""),
        }
        return {"update_id": int(order.get("update_id", number)), "message": message}

    async def _post(self, order: dict[str, Any], payload: dict[str, Any]) -> int:
        platform = order.get("platform", "facebook")
        url = order.get("target_url") or f"{self.target}/{platform}"
        body = orjson.dumps(payload)
        headers = {"content-type": "application/json"}
        if platform == "telegram":
            headers["x-telegram-bot-api-secret-token"] = order.get("secret_token", "")
        else:
            secret = "wrong" if order.get("bad_signature") else self.app_secret
            signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            headers["x-hub-signature-256"] = f"sha256={signature}"
        async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as response:
            return response.status
