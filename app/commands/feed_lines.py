"""One event as one line for people: when, which, where, who, what."""

from datetime import datetime
from typing import Any

from app.commands.output import Paint, one_line

Body = dict[str, Any]

SHORT = 6  # digits of an id that tell two apart at a glance
WIDEST = 200  # characters of a text that are shown
WHO = {"user": "customer", "operator": "staff", "assistant": "assistant"}
COLOURS = {"user": "green", "operator": "cyan", "assistant": "magenta"}


def feed_line(event: Body, paint: Paint) -> str:
    """Return the line of an event: `14:03:22 #42 web 5d0b11/8f2e1a customer: Is my order on its way?`"""
    at = datetime.fromisoformat(event["at"]).astimezone().strftime("%H:%M:%S")
    return " ".join((paint("dim", f"{at} {'#' + str(event['seq']):>5}"), f"{_where(event):<23}", _what(event, paint)))


def _where(event: Body) -> str:
    """Name the platform, the contact and the conversation, as far as the event knows them."""
    message, conversation = event.get("message") or {}, event.get("conversation") or {}
    contact = event.get("contact") or {}
    contact_id = message.get("contact_id") or message.get("contactId") or conversation.get("contact_id")
    ids = (contact_id or contact.get("id"), event.get("conversation_id"))
    place = "/".join(str(id)[-SHORT:] for id in ids if id)
    return one_line(f"{message.get('platform') or conversation.get('platform') or ''} {place}")


def _what(event: Body, paint: Paint) -> str:
    kind = str(event["type"])
    if kind == "message:new":
        return _said(event["message"], paint)
    if kind.startswith("message:") and "message" in event:
        return f"{paint('yellow', kind)} {_said(event['message'], paint)}"
    return f"{paint('yellow', kind)} {_facts(event)}".rstrip()


def _said(message: Body, paint: Paint) -> str:
    role = str(message.get("role") or message.get("direction") or "")
    who = WHO.get(role, role)
    if role == "operator":
        who = str((message.get("author") or {}).get("name") or who)
    files = [
        f"[{each['type']}: {each.get('file_description') or each['url']}]" for each in message.get("attachments", ())
    ]
    text = one_line(" ".join((str(message.get("content") or ""), *files)))
    return f"{paint(COLOURS.get(role, 'bold'), one_line(who))}: {text[:WIDEST]}{'…' if len(text) > WIDEST else ''}"


def _facts(event: Body) -> str:
    """Say of an event that is no message what changed, in a few words."""
    if event["type"] == "message:read":
        return f"up to #{event['up_to_seq']}"
    if "appointment" in event:
        return one_line(str(event["appointment"].get("id", "")))
    if "contact" in event:
        return one_line(str(event["contact"]["name"]))
    conversation = event.get("conversation") or {}
    return f"{conversation['status']}, {conversation['unread_count']} unread" if "status" in conversation else ""
