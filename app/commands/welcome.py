"""What a server says once it is up: where it is, and after making the demo all that one needs to try it."""

import json
import shlex
import sys
from dataclasses import asdict, dataclass

from app import __version__
from app.commands.demo_company import Demo
from app.commands.output import Paint, answer, command_line, painter
from app.models.entity import CompanyId

NEW_KEY = ("--name", "laptop", "--kind", "bot", "--scopes", "*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What is known at the start; `demo` is there when it was made just now."""

    url: str
    demo: Demo | None
    demo_company_id: CompanyId | None
    is_empty: bool


def welcome(known: Welcome, *, as_json: bool) -> None:
    """Say it: to a script as one object, `{"url", "demo"}`."""
    paint = painter(sys.stdout)
    body = {"url": known.url, "demo": _as_object(known) if known.demo else None}
    answer(body, "\n".join(_lines(known, paint)), as_json=as_json)


def _as_object(known: Welcome) -> dict[str, object]:
    assert known.demo is not None
    return {**asdict(known.demo), "curl": curl_line(known.url, known.demo), "watch": watch_line(known.url, known.demo)}


def _lines(known: Welcome, paint: Paint) -> list[str]:
    lines = ["", f"{paint('bold', f'Parley {__version__}')} is running at {paint('cyan', known.url)}", ""]
    if known.demo:
        lines += _demo_lines(known.url, known.demo, paint)
    lines += [paint("bold", "Read on:"), f"  {known.url}/  and  README.md", ""]
    if known.demo_company_id and not known.demo:
        lines += [
            "The demo's passwords and keys were shown once, when it was made. A new key:",
            f"  {command_line('create-key', '--company', known.demo_company_id, *NEW_KEY)}",
            "",
        ]
    if known.is_empty:
        lines += ["There is no company yet:", f"  {command_line('create-company', '--name', 'Acme')}", ""]
    return lines


def _demo_lines(url: str, demo: Demo, paint: Paint) -> list[str]:
    return [
        f"A demo company was made, {demo.name}. What follows is shown this once; only hashes are stored.",
        "",
        paint("bold", "Sign in as"),
        *(f"  {login.role.value:<8} {login.email:<26} {login.password}" for login in demo.logins),
        paint("bold", "Its keys"),
        f"  {'bot':<8} {demo.bot_key}",
        f"  {'service':<8} {demo.service_key}",
        "",
        paint("bold", "Three lines to copy. Watch the live feed, in a terminal of its own:"),
        f"  {watch_line(url, demo)}",
        paint("bold", "Post a message:"),
        f"  {curl_line(url, demo)}",
    ]


def curl_line(url: str, demo: Demo) -> str:
    """Return the command that lets the demo's first customer write."""
    message = {
        "contact_id": demo.contact_id,
        "role": "user",
        "platform": "web",
        "direction": "inbound",
        "content": "Is my order on its way?",
    }
    headers = ("-H", f"X-API-Key: {demo.bot_key}", "-H", "Content-Type: application/json")
    return shlex.join(["curl", "-X", "POST", f"{url}/api/v1/messages", *headers, "-d", json.dumps(message)])


def watch_line(url: str, demo: Demo) -> str:
    """Return the command that shows the demo's feed."""
    return command_line("watch", "--url", url, "--key", demo.bot_key)
