"""Telegram: a bot talks with people who started it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.models.contact import Platform
from app.models.exchange import Exchange, Reply, Request
from app.models.failure import Failure, FailureClass, Refused
from app.models.message import Attachment
from app.models.sign import Sign
from app.platforms.heard import Heard, Left, Rewrote, Said, Unknown, moment
from app.platforms.network import Account, Checked, Credential, Limits, Network, Piece, medium_of
from app.platforms.shapes import mapping, words
from app.platforms.splitting import Unit

METHODS = {"image": "sendPhoto", "audio": "sendAudio", "video": "sendVideo", "file": "sendDocument"}
FIELDS = {"image": "photo", "audio": "audio", "video": "video", "file": "document"}
# In a message from Telegram, and what we call it.
MEDIA = {
    "document": "file", "video": "video", "audio": "audio", "voice": "audio", "video_note": "video", "sticker": "image",
}  # fmt: skip

BOT_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,200}")
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # https://core.telegram.org/bots/api#setwebhook
OF_SECRET = "A secret token has up to 256 letters, digits, dashes and underscores."
HEARD = ("message", "edited_message", "callback_query", "my_chat_member")  # the kinds of updates that we understand

# An id of a message, as we keep it: presses of buttons and ids that clients made up are none.
MESSAGE = re.compile(r"-?\d+:(\d{1,15})")

FailureRule = tuple[FailureClass, str]
GONE: FailureRule = (FailureClass.RECIPIENT, "This customer has blocked the bot, or left Telegram.")
UNKNOWN_CHAT: FailureRule = (FailureClass.RECIPIENT, "Telegram does not know this chat.")
SHUT_OUT: FailureRule = (FailureClass.PERMISSION, "The bot may not write in this group.")
ODD: FailureRule = (FailureClass.CONTENT, "Telegram does not take this message as it is.")
CUT_OFF: FailureRule = (FailureClass.AUTH, "Telegram no longer knows this bot's token; connect the channel again.")
BUSY: FailureRule = (FailureClass.RATE, "Telegram takes no more messages from this bot for now.")
TWO_LISTEN: FailureRule = (FailureClass.ROUTING, "Something else reads this bot's messages.")
AWAY: FailureRule = (FailureClass.TRANSIENT, "Telegram had a problem of its own.")
GARBLED: FailureRule = (FailureClass.UNCERTAIN, "Telegram's answer made no sense, so the message may have been sent.")

BY_STATUS = {400: ODD, 401: CUT_OFF, 404: CUT_OFF, 409: TWO_LISTEN, 429: BUSY}
# Telegram has no codes finer than HTTP's, so here alone the words decide.
WORDS = (
    (400, "chat not found", UNKNOWN_CHAT),
    (403, "bot was blocked by the user", GONE),
    (403, "user is deactivated", GONE),
    (403, "bot can't initiate conversation", GONE),
)


class Telegram(Network):
    """Bots. https://core.telegram.org/bots/api"""

    key = Platform.TELEGRAM
    limits = Limits(text=4096, unit=Unit.UTF_16, caption=1024)
    secret_header = "X-Telegram-Bot-Api-Secret-Token"
    credentials = (
        Credential(name="bot_token", form=BOT_TOKEN, looks="A bot token looks like 123456789:AA…"),
        Credential(name="secret_token", form=SECRET, needed=False, made=True, looks=OF_SECRET),
    )

    def __init__(self, base: str) -> None:
        self._base = base

    def send(self, account: Account, piece: Piece) -> Exchange[str]:
        """Send one piece. Its id is `{chat}:{message}`, for a message's number is its chat's own.

        A group that became a supergroup has a new id, which the refusal names: the piece follows it.
        """
        try:
            result = yield from self._call(account, *_sending(piece))
        except Moved as moved:
            piece = replace(piece, to=moved.to)
            result = yield from self._call(account, *_sending(piece))
        number = result.get("message_id") if isinstance(result, dict) else None
        if not isinstance(number, int):
            raise _refusal(GARBLED, "200")
        return f"{piece.to}:{number}"

    def sign(self, account: Account, to: str, sign: Sign, last_id: str | None = None) -> Exchange[None]:
        """Show that we type, for up to five seconds; bots cannot show that they have read."""
        if sign is Sign.TYPING:
            yield from self._call(account, "sendChatAction", {"chat_id": to, "action": "typing"})

    def account_in(self, secrets: Mapping[str, str]) -> str | None:
        """Return the bot's id, which its token begins with."""
        return secrets["bot_token"].partition(":")[0]

    def check(self, account: Account) -> Exchange[Checked]:
        """Ask who the bot is."""
        bot = mapping((yield from self._call(account, "getMe", {})))
        return Checked(account=words(bot.get("id")) or None, name=words(bot.get("first_name")) or None)

    def listen(self, account: Account, url: str) -> Exchange[bool]:
        """Have updates sent to us, each with the secret that proves it."""
        given = {"url": url, "secret_token": account.secrets["secret_token"], "allowed_updates": HEARD}
        yield from self._call(account, "setWebhook", given)
        return True

    def hear(self, payload: Mapping[str, Any]) -> Iterator[Heard]:
        """Yield what an update tells: one thing each. The account is known by the address it came to."""
        kind = next((kind for kind in payload if kind != "update_id"), "")
        what = mapping(payload.get(kind))
        if kind == "message":
            yield _said(what, payload)
        elif kind == "edited_message":
            edited = {**what, "date": what.get("edit_date") or what.get("date")}
            yield Rewrote(**_about(edited), id=_id_of(what), text=_text_of(what))
        elif kind == "callback_query":
            yield _pressed(what)
        elif kind == "my_chat_member" and mapping(what.get("new_chat_member")).get("status") == "kicked":
            yield Left(**_about(what))
        else:
            yield Unknown(account="", peer="", kind=kind, raw=payload)

    def _call(self, account: Account, method: str, body: Mapping[str, Any]) -> Exchange[Any]:
        url = f"{self._base}/bot{account.secrets['bot_token']}/{method}"
        reply = yield Request(method="POST", url=url, body=body)
        if reply.facts.get("ok") is True:
            return reply.facts.get("result")
        raise _refusal_in(reply)


class Moved(Refused):
    """The chat has a new id."""

    def __init__(self, to: str, failure: Failure) -> None:
        super().__init__(failure)
        self.to = to


def _sending(piece: Piece) -> tuple[str, Mapping[str, Any]]:
    body: dict[str, Any] = {"chat_id": piece.to}
    if quoted := MESSAGE.fullmatch(piece.reply_to or ""):
        # A quoted message that is gone must not hold back the answer.
        body["reply_parameters"] = {"message_id": int(quoted[1]), "allow_sending_without_reply": True}
    if piece.attachment is None:
        return "sendMessage", {**body, "text": piece.text}
    medium = medium_of(piece.attachment)
    caption = {"caption": piece.text} if piece.text else {}
    return METHODS[medium], {**body, FIELDS[medium]: piece.attachment.url, **caption}


def _refusal_in(reply: Reply) -> Refused:
    facts = reply.facts
    code = facts["error_code"] if isinstance(facts.get("error_code"), int) else reply.status
    more, said = mapping(facts.get("parameters")), words(facts.get("description")).lower()
    if isinstance(more.get("migrate_to_chat_id"), int):
        return Moved(str(more["migrate_to_chat_id"]), _refusal(UNKNOWN_CHAT, "400").failure)
    wait = more.get("retry_after")
    return _refusal(_rule_for(code, said), str(code), float(wait) if isinstance(wait, int) else None)


def _rule_for(code: int, description: str) -> FailureRule:
    for status, said, rule in WORDS:
        if code == status and said in description:
            return rule
    if code < 400:
        return GARBLED
    return BY_STATUS.get(code) or (AWAY if code >= 500 else SHUT_OUT if code == 403 else ODD)


def _refusal(rule: FailureRule, code: str, wait: float | None = None) -> Refused:
    kind, reason = rule
    shut, outage = kind is FailureClass.PERMISSION, kind is FailureClass.TRANSIENT
    return Refused(Failure(kind=kind, code=code, reason=reason, wait=wait, pauses=shut, outage=outage))


def _said(message: Mapping[str, Any], payload: Mapping[str, Any]) -> Heard:
    if not isinstance(message.get("message_id"), int):
        return Unknown(account="", peer="", kind="message", raw=payload)
    attachments = _attachments_in(message)
    if "text" not in message and not attachments:
        return Unknown(**_about(message), kind=",".join(sorted(message)), raw=payload)
    answered = mapping(message.get("reply_to_message"))
    return Said(
        **_about(message),
        id=_id_of(message),
        text=_text_of(message),
        attachments=attachments,
        reply_to=_id_of({"chat": message.get("chat"), **answered}) if answered else None,
        name=_name_of(mapping(message.get("from"))),
    )


def _pressed(query: Mapping[str, Any]) -> Heard:
    message = mapping(query.get("message"))
    about = _about({"chat": message.get("chat") or query.get("from")})
    data, name = words(query.get("data")), _name_of(mapping(query.get("from")))
    return Said(**about, id=f"press:{words(query.get('id'))}", text=data, pressed=data, name=name)


def _attachments_in(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return the file, of a photo the largest: its id, which a token turns into an address for an hour."""
    sizes = message.get("photo")
    if isinstance(sizes, list) and sizes:
        return (Attachment(type="image", url=f"telegram:{words(mapping(sizes[-1]).get('file_id'))}"),)
    for kind, type in MEDIA.items():
        if kind in message:
            file = mapping(message[kind])
            url, name = f"telegram:{words(file.get('file_id'))}", file.get("file_name")
            return (Attachment(type=type, url=url, file_description=name if isinstance(name, str) else None),)
    return ()


def _about(message: Mapping[str, Any]) -> dict[str, Any]:
    at = moment(f"{words(message.get('date'))}000")
    return {"account": "", "peer": words(mapping(message.get("chat")).get("id")), "at": at}


def _id_of(message: Mapping[str, Any]) -> str:
    return f"{words(mapping(message.get('chat')).get('id'))}:{words(message.get('message_id'))}"


def _text_of(message: Mapping[str, Any]) -> str:
    return words(message.get("text")) or words(message.get("caption"))


def _name_of(person: Mapping[str, Any]) -> str | None:
    names = (words(person.get(part)) for part in ("first_name", "last_name"))
    return " ".join(name for name in names if name) or None
