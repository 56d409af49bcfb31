"""One event as one line for people: when, which, where, who, what."""

from datetime import datetime
from typing import Any

from app.commands.output import Paint, one_line

Body = dict[str, Any]

SHORT = 6  # digits of an id that tell two apart at a glance
WIDEST = 200  # characters of a text that are shown
WHO = {"user": "customer", "operator": "staff", "assistant": "assistant"}
COLOURS = {"user": "green", "operator": "cyan", "assistant": "magenta"}


def feed_line(event: Body, paint: Paint, customer: str = "") -> str:
    """Return the line of an event: `14:03:22 #42 web 8f2e1a Ann Becker: Is my order on its way?`

    The digits are the end of the conversation's id, which is enough to reply.
    """
    at = datetime.fromisoformat(event["at"]).astimezone().strftime("%H:%M:%S")
    return " ".join(
        (paint("dim", f"{at} {'#' + str(event['seq']):>5}"), f"{_where(event):<16}", _what(event, paint, customer))
    )


def contact_of(event: Body) -> str:
    """Return the id of the customer whom an event is about; an empty one where there is none."""
    message, conversation = event.get("message") or {}, event.get("conversation") or {}
    contact = event.get("contact") or {}
    found = message.get("contact_id") or message.get("contactId") or conversation.get("contact_id")
    return str(found or contact.get("id") or "")


def _where(event: Body) -> str:
    """Name the platform and the conversation, as far as the event knows them."""
    message, conversation, channel = (event.get(each) or {} for each in ("message", "conversation", "channel"))
    platform = message.get("platform") or conversation.get("platform") or channel.get("platform") or ""
    return one_line(f"{platform} {str(event.get('conversation_id') or '')[-SHORT:]}")


def _what(event: Body, paint: Paint, customer: str) -> str:
    kind = str(event["type"])
    if kind == "message:new":
        return _said(event["message"], paint, customer)
    if kind.startswith("message:") and "message" in event:
        state = _state(event["message"].get("delivery") or {}) if kind == "message:status" else ""
        return " ".join((paint("yellow", f"{kind}{state}"), _said(event["message"], paint, customer)))
    return f"{paint('yellow', kind)} {_facts(event)}".rstrip()


def _state(delivery: Body) -> str:
    state, reason = (one_line(str(delivery.get(each) or "")) for each in ("state", "reason"))
    return f" {state}{f' ({reason})' if reason else ''}" if state else ""


def _said(message: Body, paint: Paint, customer: str) -> str:
    role = str(message.get("role") or message.get("direction") or "")
    who = WHO.get(role, role)
    if role == "operator":
        who = str((message.get("author") or {}).get("name") or who)
    elif role == "user":
        who = customer or who
    files = [
        f"[{each['type']}: {each.get('file_description') or each['url']}]" for each in message.get("attachments", ())
    ]
    text = one_line(" ".join((str(message.get("content") or ""), *files)))
    return f"{paint(COLOURS.get(role, 'bold'), one_line(who))}: {text[:WIDEST]}{'…' if len(text) > WIDEST else ''}"


def _facts(event: Body) -> str:
    """Say of an event that is no message what changed, in a few words."""
    if event["type"] == "message:read":
        return f"up to #{event['up_to_seq']}"
    if event["type"] == "message:status":
        return one_line(f"{event['state']} up to #{event['up_to_seq']}")
    if "appointment" in event:
        return one_line(str(event["appointment"].get("id", "")))
    if "channel" in event:
        return _of_channel(event["channel"])
    if "contact" in event:
        return one_line(str(event["contact"]["name"]))
    conversation = event.get("conversation") or {}
    return f"{conversation['status']}, {conversation['unread_count']} unread" if "status" in conversation else ""


def _of_channel(channel: Body) -> str:
    state = "disconnected" if channel.get("disconnected_at") else channel.get("health", "")
    reason = channel.get("health_reason")
    return one_line(f"{channel.get('name', '')}: {state}{f' ({reason})' if reason else ''}")
