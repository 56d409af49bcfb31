"""What platforms answer when something is wrong, in their own shapes."""

import re
from typing import Any

from aiohttp import web

from app.models.wire import to_json

# name: (status, code, subcode)
GRAPH = {
    "meta_190_463": (400, 190, 463),
    "meta_190_460": (400, 190, 460),
    "meta_4": (400, 4, None),
    "meta_613": (400, 613, None),
    "meta_80007": (400, 80007, None),
    "meta_1200": (400, 1200, None),
    "meta_10_2018278": (400, 10, 2018278),
    "ig_10_2534022": (403, 10, 2534022),
    "meta_551": (400, 551, None),
    "meta_100_2018001": (400, 100, 2018001),
    "wa_131047": (400, 131047, None),
    "wa_131026": (400, 131026, None),
    "wa_130429": (429, 130429, None),
    "wa_131056": (429, 131056, None),
    "wa_131000": (500, 131000, None),
}
TELEGRAM = {
    "tg_403_blocked": (403, "Forbidden: bot was blocked by the user"),
    "tg_401": (401, "Unauthorized"),
    "tg_403_group": (403, "Forbidden: bot was kicked from the supergroup chat"),
    "tg_400_chat": (400, "Bad Request: chat not found"),
    "tg_409": (409, "Conflict: terminated by other getUpdates request"),
    "tg_400_long": (400, "Bad Request: message is too long"),
}
PLAIN = {
    "http_500": (500, "Internal Server Error", "text/plain"),
    "http_502_html": (502, "<html><h1>502 Bad Gateway</h1></html>", "text/html"),
    "http_200_garbage": (200, "<html>It works!</html>", "text/html"),
}


def preset(name: str, action: dict[str, Any]) -> web.Response:
    """Return an answer by its name. Raises KeyError for an unknown one."""
    if name == "meta_2_transient":
        return graph_error(500, 2, None, is_transient=True)
    if name == "tg_429":
        wait = int(action.get("retry_after", 5))
        return telegram_error(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
    if name in GRAPH:
        return graph_error(*GRAPH[name])
    if name in TELEGRAM:
        return telegram_error(*TELEGRAM[name])
    if other := re.fullmatch(r"(?:meta|ig|wa)_(\d+)(?:_(\d+))?", name):
        return graph_error(400, int(other[1]), int(other[2]) if other[2] else None)
    status, body, kind = PLAIN[name]
    return web.Response(status=status, text=body, content_type=kind)


def graph_error(status: int, code: int, subcode: int | None = None, **more: Any) -> web.Response:
    """Return a refusal of the Graph API."""
    error = {"message": f"(#{code}) Refused.", "type": "OAuthException", "code": code, "fbtrace_id": "A0", **more}
    return answer({"error": error if subcode is None else {**error, "error_subcode": subcode}}, status)


def telegram_error(status: int, description: str, **parameters: Any) -> web.Response:
    """Return a refusal of the Bot API."""
    body = {"ok": False, "error_code": status, "description": description}
    return answer({**body, "parameters": parameters} if parameters else body, status)


def answer(body: Any, status: int = 200) -> web.Response:
    """Return JSON."""
    return web.Response(status=status, body=to_json(body), content_type="application/json")
