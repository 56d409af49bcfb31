"""What a server says once it is up: where it is, and after making the demo all that one needs to try it.

Passwords and keys are shown to a terminal alone. Where there is none, what is said ends in a log: they are kept in a
file that only its owner can read, and its place is said. A script that asks with --json is given them.
"""

import json
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from app import __version__
from app.commands.credentials import KEY
from app.commands.demo_company import Demo
from app.commands.output import Paint, answer, command_line, painter
from app.models.entity import CompanyId
from app.outside.files import write_atomically

FILE = "demo.txt"  # in DATA_DIR
DIGITS = 6  # of a conversation's id, as watch shows them
NEW_KEY = ("--name", "laptop", "--kind", "bot", "--scopes", "*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What is known at the start.

    `demo` is there when it was made just now; `made_secrets` is the file of the secrets that nobody gave.
    """

    url: str
    data_dir: Path
    made_secrets: Path | None = None
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
    url, demo = known.url, known.demo
    lines = {"curl": curl_line(url, demo), "watch": watch_line(url, demo), "reply": reply_line(url, demo)}
    return {**asdict(demo), **lines}


def _lines(known: Welcome, paint: Paint) -> list[str]:
    lines = ["", f"{paint('bold', f'Parley {__version__}')} is running at {paint('cyan', known.url)}", ""]
    if known.demo:
        lines += _told(known, known.demo, paint)
    lines += [paint("bold", "Read on:"), f"  {known.url}/  and  README.md", ""]
    if known.demo_company_id and not known.demo:
        lines += [
            f"The demo's passwords and keys were told once, when it was made{_kept(known)}. A new key:",
            f"  {command_line('create-key', '--company', known.demo_company_id, *NEW_KEY)}",
            "",
        ]
    if known.is_empty:
        lines += ["There is no company yet:", f"  {command_line('create-company', '--name', 'Acme')}", ""]
    return lines


def _kept(known: Welcome) -> str:
    return f": {known.data_dir / FILE} has them" if (known.data_dir / FILE).exists() else ""


def _told(known: Welcome, demo: Demo, paint: Paint) -> list[str]:
    made = f"A demo company was made, {demo.name}, company {demo.company_id}."
    if sys.stdout.isatty():
        once = "What follows is shown this once; only hashes are stored."
        return [made, once, "", *_demo_lines(known, demo, paint), ""]
    kept = known.data_dir / FILE
    write_atomically(kept, "\n".join([made, "", *_demo_lines(known, demo, paint), ""]).encode())
    return [f"{made} Its passwords and keys, and what to do with them, are in {kept}", ""]


def _demo_lines(known: Welcome, demo: Demo, paint: Paint) -> list[str]:
    url = known.url
    of_all = "  a service of many companies sends INTERNAL_SERVICE_API_KEY, which is in"
    return [
        paint("bold", "Sign in as"),
        *(f"  {login.role.value:<8} {login.email:<26} {login.password}" for login in demo.logins),
        paint("bold", "Its keys"),
        f"  {'bot':<8} {demo.bot_key}",
        f"  {'service':<8} {demo.service_key}",
        *([f"{of_all} {known.made_secrets}"] if known.made_secrets else []),
        "",
        paint("bold", "Three lines to copy. Watch the live feed, in a terminal of its own:"),
        f"  {watch_line(url, demo)}",
        paint("bold", "Post a customer's message:"),
        f"  {curl_line(url, demo)}",
        paint("bold", "Answer it, by the six digits that the feed shows:"),
        f"  {reply_line(url, demo)}",
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
    """Return the command that shows the demo's feed; the key is in no list of processes."""
    return f"{KEY}={demo.bot_key} {command_line('watch', '--url', url)}"


def reply_line(url: str, demo: Demo) -> str:
    """Return the command that answers the demo's first customer."""
    return f"{KEY}={demo.bot_key} {command_line('reply', demo.conversation_id[-DIGITS:], 'Of course!', '--url', url)}"
