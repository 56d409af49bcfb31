"""WhatsApp: a business number talks with people, by the Cloud API."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from app.models.contact import Platform
from app.models.delivery import DeliveryState
from app.models.exchange import Exchange, Request
from app.models.failure import Failure, Refused
from app.models.message import Attachment
from app.models.sign import Sign
from app.models.token import TokenFacts
from app.platforms.heard import Heard, Reacted, Receipt, Said, Unknown, moment
from app.platforms.meta_failures import GARBLED, UNCERTAIN, WHATSAPP, answer_in, failure_of
from app.platforms.meta_tokens import NO_APP, MetaApp, checked, targets_of, token_facts
from app.platforms.network import Account, Checked, Credential, Limits, Network, Piece, medium_of
from app.platforms.shapes import mapping, mappings, words
from app.platforms.splitting import Unit

MEDIA_OF = {"image": "image", "audio": "audio", "video": "video", "file": "document"}
CAPTIONED = ("image", "video", "document")
# Media come as ids, which a token turns into addresses that live for five minutes: the id is what can be kept.
MEDIA = ("image", "audio", "video", "document", "sticker")
TOLD = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ, DeliveryState.FAILED)
BUSINESS = "business_account_id"
OF_BUSINESS = "The id of a business account looks like 102938475610293."
BUSINESS_ID = re.compile(r"[0-9]{1,32}")
# Either gives a token its business accounts: https://developers.facebook.com/docs/whatsapp/embedded-signup
SCOPES = ("whatsapp_business_management", "whatsapp_business_messaging")
MOST_BUSINESSES, MOST_PAGES = 5, 5  # of a hundred numbers; whoever has more names the account
STATES = {state.value: state for state in TOLD}


class WhatsApp(Network):
    """The Cloud API. https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages"""

    key = Platform.WHATSAPP
    limits = Limits(text=4096, unit=Unit.CHARACTERS, caption=1024)
    app_object = "whatsapp_business_account"
    signs_need_last = True
    credentials = (
        Credential(name="access_token"),
        Credential(name=BUSINESS, form=BUSINESS_ID, needed=False, looks=OF_BUSINESS),
    )

    def __init__(self, graph: str, version: str, app: MetaApp = NO_APP) -> None:
        self._root, self._app = f"{graph}/{version}", app

    def send(self, account: Account, piece: Piece) -> Exchange[str]:
        """Send one piece; that it was accepted says nothing of its arrival yet."""
        body: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": piece.to,
            **_content(piece),
        }
        if piece.reply_to:
            body["context"] = {"message_id": piece.reply_to}
        if piece.our_id:
            body["biz_opaque_callback_data"] = piece.our_id
        answer = yield from self._post(account, body)
        sent = answer.get("messages")
        id = sent[0].get("id") if isinstance(sent, list) and sent and isinstance(sent[0], dict) else None
        if not isinstance(id, str):
            raise Refused(Failure(kind=UNCERTAIN, code="200", reason=GARBLED))
        return id

    def sign(self, account: Account, to: str, sign: Sign, last_id: str | None = None) -> Exchange[None]:
        """Both signs hang on the customer's last message: without one there is nothing to show."""
        if last_id is None:
            return
        body = {"messaging_product": "whatsapp", "status": "read", "message_id": last_id}
        yield from self._post(account, body | ({"typing_indicator": {"type": "text"}} if sign is Sign.TYPING else {}))

    def check(self, account: Account) -> Exchange[Checked]:
        """Look for the number, and its name, in the business accounts that the token is for."""
        businesses = yield from self._businesses(account)
        for business in businesses[:MOST_BUSINESSES]:
            numbers = yield from self._numbers(business, account.secrets["access_token"])
            if number := next((each for each in numbers if words(each.get("id")) == account.external_id), None):
                return checked(number, "id", "verified_name")
        return Checked(missing=None if businesses else BUSINESS)

    def inspect(self, account: Account) -> Exchange[TokenFacts | None]:
        """Ask how the business's token is."""
        return token_facts(self._root, self._app, account)

    def hear(self, payload: Mapping[str, Any]) -> Iterator[Heard]:
        """Yield what a webhook of `object: whatsapp_business_account` tells."""
        for entry in mappings(payload.get("entry")):
            for change in mappings(entry.get("changes")):
                yield from _hear(change)

    def _businesses(self, account: Account) -> Exchange[tuple[str, ...]]:
        """Return the one that is given, else those that Meta names: for a token for all that somebody has, none."""
        if given := account.secrets.get(BUSINESS):
            return (given,)
        if not self._app.is_known:
            return ()
        named = yield from targets_of(self._root, self._app, account.secrets["access_token"], SCOPES)
        return tuple(each for each in named if BUSINESS_ID.fullmatch(each))

    def _numbers(self, business: str, token: str) -> Exchange[list[Mapping[str, Any]]]:
        """Return the numbers of a business account, which Meta lists to tokens with a role there alone."""
        asked = {"fields": "id,verified_name", "limit": "100"}
        bearer, found = {"authorization": f"Bearer {token}"}, list[Mapping[str, Any]]()
        for _ in range(MOST_PAGES):
            url = f"{self._root}/{business}/phone_numbers"
            answer = answer_in((yield Request(method="GET", url=url, query=asked, headers=bearer)), WHATSAPP)
            found += mappings(answer.get("data"))
            paging = mapping(answer.get("paging"))
            after = words(mapping(paging.get("cursors")).get("after"))
            if not after or not paging.get("next"):
                break
            asked = {**asked, "after": after}
        return found

    def _post(self, account: Account, body: Mapping[str, Any]) -> Exchange[Mapping[str, Any]]:
        url = f"{self._root}/{account.external_id}/messages"
        bearer = {"authorization": f"Bearer {account.secrets['access_token']}"}
        return answer_in((yield Request(method="POST", url=url, body=body, headers=bearer)), WHATSAPP)


def _content(piece: Piece) -> dict[str, Any]:
    if piece.attachment is None:
        return {"type": "text", "text": {"body": piece.text, "preview_url": False}}
    kind = MEDIA_OF[medium_of(piece.attachment)]
    media = {"link": piece.attachment.url}
    if piece.text and kind in CAPTIONED:
        media["caption"] = piece.text
    return {"type": kind, kind: media}


def _hear(change: Mapping[str, Any]) -> Iterator[Heard]:
    value = change.get("value")
    if not isinstance(value, dict) or change.get("field") != "messages":
        yield Unknown(account="", peer="", kind=str(change.get("field")), raw=change)
        return
    account = words(mapping(value.get("metadata")).get("phone_number_id"))
    contacts = mappings(value.get("contacts"))
    names = {words(each.get("wa_id")): words(mapping(each.get("profile")).get("name")) for each in contacts}
    for message in mappings(value.get("messages")):
        yield _said(account, message, names)
    for status in mappings(value.get("statuses")):
        yield _status(account, status)


def _said(account: str, message: Mapping[str, Any], names: Mapping[str, str]) -> Heard:
    sender, kind, id = words(message.get("from")), words(message.get("type")), words(message.get("id"))
    name, what = names.get(sender), mapping(message.get(kind))
    about: dict[str, Any] = {"account": account, "peer": sender, "at": _second(message.get("timestamp"))}
    if kind == "reaction":
        return Reacted(**about, id=words(what.get("message_id")), emoji=words(what.get("emoji")) or None)
    if kind not in ("text", "button", "interactive", *MEDIA):
        return Unknown(**about, kind=kind, raw=message)
    text, pressed = _words(kind, what)
    answered = mapping(message.get("context")).get("id")
    return Said(
        **about,
        id=id,
        text=text,
        attachments=(Attachment(type=kind, url=f"whatsapp:{words(what.get('id'))}"),) if kind in MEDIA else (),
        reply_to=answered if isinstance(answered, str) else None,
        name=name or None,
        pressed=pressed,
    )


def _words(kind: str, what: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the text, and what a pressed button stands for."""
    if kind == "interactive":
        chosen = mapping(what.get(words(what.get("type"))))
        return words(chosen.get("title")), words(chosen.get("id"))
    if kind == "button":
        return words(what.get("text")), words(what.get("payload"))
    return words(what.get("body" if kind == "text" else "caption")), None


def _status(account: str, status: Mapping[str, Any]) -> Heard:
    """A status; they come in any order, and a `failed` may follow a `sent`."""
    about: dict[str, Any] = {
        "account": account,
        "peer": words(status.get("recipient_id")),
        "at": _second(status.get("timestamp")),
    }
    state, id = STATES.get(str(status.get("status"))), status.get("id")
    if state is None or not isinstance(id, str):
        return Unknown(**about, kind=f"status {status.get('status')}", raw=status)
    errors = mappings(status.get("errors"))
    ours = status.get("biz_opaque_callback_data")
    return Receipt(
        **about,
        state=state,
        ids=(id,),
        our_id=ours if isinstance(ours, str) else None,
        failure=failure_of(errors[0], WHATSAPP) if errors else None,
    )


def _second(value: object) -> datetime | None:
    """Return the time of a string of seconds: Messenger's are numbers of milliseconds."""
    return moment(f"{value}000")
