"""The small page at `/`: what runs here, how to connect, where to read on."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from html import escape

from aiohttp import web

from app import __version__
from app.settings import Settings

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley</title>
<style>
  :root {{ color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #0a7d5a; }}
  body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.2rem; }}
  h1 {{ margin: 0; font-size: 2.2rem; letter-spacing: -.02em; }} h1 small {{ font-size: .9rem; opacity: .6; }}
  h2 {{ margin-top: 2.2rem; font-size: 1.05rem; }}
  pre {{ background: var(--soft); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem;
        overflow-x: auto; font: 13px/1.55 ui-monospace, monospace; }}
  a {{ color: var(--accent); }} code {{ font-family: ui-monospace, monospace; font-size: .92em; }}
</style>
<h1>Parley <small>{version}</small></h1>
<p>A real-time customer-messaging server: one live inbox for everyone who writes from Instagram, Messenger, WhatsApp,
Telegram or a web chat. It is running, and it is yours.</p>
<h2>Post a message (a bot, over REST)</h2>
<pre>curl -X POST {base}/api/v1/messages \\
  -H 'X-API-Key: YOUR_KEY' -H 'Content-Type: application/json' -H 'Idempotency-Key: order-1017' \\
  -d '{{"contact_id": "CONTACT_ID", "role": "user", "platform": "web", "direction": "inbound",
       "content": "Is my order on its way?"}}'</pre>
<h2>See it live (a dashboard, over Socket.IO)</h2>
<pre>const socket = io("{base}/company", {{
  transports: ["websocket"],
  auth: cb =&gt; cb({{ token, epoch, seq }}),   // called at each reconnect, so the stream resumes at your cursor
}});
socket.on("message:new", event =&gt; console.log(event.seq, event.message.content));</pre>
<h2>See it live (in a terminal)</h2>
<pre>PARLEY_KEY=YOUR_KEY .venv/bin/python -m app watch --url {base}</pre>
<h2>Read on</h2>
<p><code>README.md</code> for the first steps, <code>docs/api.md</code> for the whole API,
<code>docs/architecture.md</code> for how it works,
<a href="/health"><code>/health</code></a> for how it is.</p>
</html>
"""


IN_PRODUCTION = "This is an API, at /api/v1.\n"


def front_page(settings: Settings) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of the page; strangers in production learn nothing from it."""
    policy = _policy()

    async def front(request: web.Request) -> web.Response:
        base = escape(f"{request.scheme}://{request.host}", quote=True)
        page = PAGE.format(version=escape(__version__), base=base)
        return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def neutral(request: web.Request) -> web.Response:
        return web.Response(text=IN_PRODUCTION, headers={"Content-Security-Policy": policy})

    return neutral if settings.is_production else front


def _policy() -> str:
    """Let the page have its own style, known by its hash, and nothing else; no other page may frame it."""
    style = PAGE.format(version="", base="").partition("<style>")[2].partition("</style>")[0]
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
