"""Messenger's way of sending and telling, which Instagram shares: one call a piece, `entry[].messaging[]` in webhooks.

https://developers.facebook.com/docs/messenger-platform/reference
"""

from collections.abc import Iterator, Mapping
from typing import Any

from app.models.delivery import DeliveryState
from app.models.exchange import Exchange, Request
from app.models.failure import Failure, Refused
from app.models.message import Attachment
from app.models.sign import Sign
from app.platforms.heard import Echoed, Heard, Reacted, Receipt, Rewrote, Said, Unknown, Withdrew, moment
from app.platforms.meta_failures import GARBLED, MESSENGER, UNCERTAIN, answer_in
from app.platforms.network import Piece, medium_of
from app.platforms.shapes import mapping, mappings, words

SIGNS = {Sign.TYPING: "typing_on", Sign.SEEN: "mark_seen"}


def post(url: str, body: Mapping[str, Any], *, token: str = "", bearer: str = "") -> Exchange[Mapping[str, Any]]:
    """Call the Graph with a page's token, or with one that goes into a header, and return the answer."""
    query = {"access_token": token} if token else {}
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    reply = yield Request(method="POST", url=url, body=body, query=query, headers=headers)
    return answer_in(reply, MESSENGER)


def name_of(url: str, *, token: str = "", bearer: str = "") -> Exchange[str | None]:
    """Ask for the name of somebody who wrote to us. Raises Refused."""
    query = {"fields": "name"} | ({"access_token": token} if token else {})
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    answer = answer_in((yield Request(method="GET", url=url, query=query, headers=headers)), MESSENGER)
    return words(answer.get("name")) or None


def message_body(piece: Piece, *, metadata: bool) -> dict[str, Any]:
    """Return the body that sends a piece; with `metadata`, its echo will name our message."""
    message: dict[str, Any] = (
        {"text": piece.text} if piece.attachment is None else {"attachment": _link(piece.attachment)}
    )
    if metadata and piece.our_id:
        message["metadata"] = piece.our_id
    kind = {"messaging_type": "RESPONSE"}
    if piece.human_agent:
        kind = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    body = {"recipient": {"id": piece.to}, **kind, "message": message}
    return {**body, "reply_to": {"mid": piece.reply_to}} if piece.reply_to else body


def sign_body(to: str, sign: Sign) -> dict[str, Any]:
    """Return the body that shows a sign."""
    return {"recipient": {"id": to}, "sender_action": SIGNS[sign]}


def id_in(answer: Mapping[str, Any], name: str = "message_id") -> str:
    """Return the id that a send was given. Raises Refused: an answer without one may still mean that it went out."""
    id = answer.get(name)
    if not isinstance(id, str) or not id:
        raise Refused(Failure(kind=UNCERTAIN, code="200", reason=GARBLED))
    return id


def _link(attachment: Attachment) -> dict[str, Any]:
    return {"type": medium_of(attachment), "payload": {"url": attachment.url}}


def hear_entries(payload: Mapping[str, Any]) -> Iterator[Heard]:
    """Yield what the entries of a webhook tell; `standby` is what we hear while another app has the thread."""
    for entry in mappings(payload.get("entry")):
        account = words(entry.get("id"))
        for told in (*mappings(entry.get("messaging")), *mappings(entry.get("standby"))):
            yield from _hear(account, told)
        for change in mappings(entry.get("changes")):  # as the dashboard's test button sends it
            yield from _hear(account, mapping(change.get("value")) or change)


def _hear(account: str, told: Mapping[str, Any]) -> Iterator[Heard]:
    at, sender, recipient = moment(told.get("timestamp")), _id_of(told, "sender"), _id_of(told, "recipient")
    about: dict[str, Any] = {"account": account, "peer": sender, "at": at}
    message = told.get("message")
    if isinstance(message, dict) and message.get("is_echo") is True:
        yield _echo(message, {**about, "peer": recipient})
    elif isinstance(message, dict) and isinstance(message.get("mid"), str):
        yield _said(message, about, told)
    elif isinstance(told.get("delivery"), dict):
        yield _receipt(told["delivery"], DeliveryState.DELIVERED, about)
    elif isinstance(told.get("read"), dict):
        yield _receipt(told["read"], DeliveryState.READ, about)
    else:
        yield from _hear_rarer(told, about)


def _hear_rarer(told: Mapping[str, Any], about: Mapping[str, Any]) -> Iterator[Heard]:
    for kind in ("reaction", "message_edit", "postback"):
        what = told.get(kind)
        if not isinstance(what, dict) or not isinstance(what.get("mid"), str):
            continue
        if kind == "reaction":
            emoji = words(what.get("emoji")) or words(what.get("reaction"))
            yield Reacted(**about, id=what["mid"], emoji=None if what.get("action") == "unreact" else emoji)
        elif kind == "message_edit":
            yield Rewrote(**about, id=what["mid"], text=words(what.get("text")))
        else:
            title, pressed = words(what.get("title")), words(what.get("payload"))
            yield Said(**about, id=what["mid"], text=title, pressed=pressed)
        return
    kinds = sorted(told.keys() - {"sender", "recipient", "timestamp"})
    yield Unknown(**about, kind=",".join(kinds), raw=told)


def _said(message: Mapping[str, Any], about: Mapping[str, Any], told: Mapping[str, Any]) -> Heard:
    if message.get("is_deleted") is True:
        return Withdrew(**about, id=message["mid"])
    if message.get("is_unsupported") is True:
        return Unknown(**about, kind="unsupported", raw=told)
    pressed = message.get("quick_reply")
    return Said(
        **about,
        id=message["mid"],
        text=words(message.get("text")),
        attachments=attachments_in(message),
        reply_to=_answered(message),
        pressed=words(pressed.get("payload")) if isinstance(pressed, dict) else None,
    )


def _echo(message: Mapping[str, Any], about: Mapping[str, Any]) -> Heard:
    app, ours = message.get("app_id"), message.get("metadata")
    return Echoed(
        **about,
        id=words(message.get("mid")),
        text=words(message.get("text")),
        attachments=attachments_in(message),
        app_id=str(app) if app else None,
        our_id=str(ours) if ours else None,
    )


def _receipt(told: Mapping[str, Any], state: DeliveryState, about: Mapping[str, Any]) -> Receipt:
    """Messenger names a watermark, and perhaps ids; Instagram names the one message that was read."""
    named = [told["mid"]] if "mid" in told else told.get("mids")
    ids = tuple(id for id in named if isinstance(id, str)) if isinstance(named, list) else ()
    return Receipt(**about, state=state, ids=ids, up_to=moment(told.get("watermark")))


def attachments_in(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return the files that came with a message; what has no address is left out."""
    found = []
    for each in mappings(message.get("attachments")):
        url = mapping(each.get("payload")).get("url")
        if isinstance(url, str) and url:
            found.append(Attachment(type=str(each.get("type", "file")), url=url))
    return tuple(found)


def _answered(message: Mapping[str, Any]) -> str | None:
    mid = mapping(message.get("reply_to")).get("mid")
    return mid if isinstance(mid, str) else None


def _id_of(told: Mapping[str, Any], who: str) -> str:
    return words(mapping(told.get(who)).get("id"))
