"""What every network has: limits, a way to send one piece, and a way to understand what it tells us."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.models.contact import Platform
from app.models.exchange import Exchange
from app.models.failure import Failure, FailureClass, Refused
from app.models.message import Attachment
from app.models.sign import Sign
from app.models.token import TokenFacts
from app.platforms.heard import Heard
from app.platforms.splitting import Unit, split

MEDIA = ("image", "audio", "video")  # what networks tell apart; all else is a file
TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")  # goes into headers and addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The longest text of one piece, and of a caption, which counts in the same unit; 0 where there are none."""

    text: int
    unit: Unit
    caption: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that a channel sends as, and its secrets in the clear: for as long as one exchange takes."""

    external_id: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One of the secrets that an account is connected with, and the form that it has.

    Without one that is `needed` there is no way; one that is `made` we make up where it is not given. `looks` is the
    sentence for one that is not in this form.
    """

    name: str
    form: re.Pattern[str] = TOKEN
    needed: bool = True
    made: bool = False
    looks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A platform's word on credentials that it accepts: the account that they are of, None for none that it would name.

    `missing` is the credential without which it cannot tell.
    """

    account: str | None = None
    name: str | None = None
    missing: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """All of an account's secrets, the new ones among them; they last for `expires_in` seconds, if that is known."""

    secrets: Mapping[str, str] = field(repr=False)
    expires_in: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one call sends. `to` and `reply_to` are the platform's ids, `our_id` is our message's.

    `human_agent` asks for the longer window that platforms give to people, not to programs. `attempt` counts the tries.
    """

    to: str
    text: str = ""
    attachment: Attachment | None = None
    reply_to: str | None = None
    our_id: str = ""
    human_agent: bool = False
    attempt: int = 1


class Network(ABC):
    """One platform, spoken to by requests and replies alone.

    Its webhooks prove themselves in one of two ways: Meta signs them with its app's secret, and writes `app_object`
    into them; others repeat a channel's `secret_token` in `secret_header`. With neither it has no webhooks.
    Where `signs_need_last`, typing and seen are shown at the customer's last message.
    """

    key: ClassVar[Platform]
    limits: ClassVar[Limits]
    app_object: ClassVar[str | None] = None
    secret_header: ClassVar[str | None] = None
    signs_need_last: ClassVar[bool] = False
    credentials: ClassVar[tuple[Credential, ...]] = ()  # the first is what a refusal to sign in is about

    @abstractmethod
    def send(self, account: Account, piece: Piece) -> Exchange[str]:
        """Give one piece to the platform and return the platform's id for it. Raises Refused."""

    def sign(self, account: Account, to: str, sign: Sign, last_id: str | None = None) -> Exchange[None]:
        """Show that we type or have read, where there is such a thing; `last_id` is the customer's last message."""
        yield from ()

    def account_in(self, secrets: Mapping[str, str]) -> str | None:
        """Return the account's id, where the credentials name it."""
        return None

    def check(self, account: Account) -> Exchange[Checked]:
        """Ask whether the platform accepts the account's credentials, and whose they are. Raises Refused."""
        yield from ()
        return Checked(account=account.external_id)

    def listen(self, account: Account, url: str) -> Exchange[bool]:
        """Have the platform call us at `url`, where it is told so for each account; say if so. Raises Refused."""
        yield from ()
        return False

    def renew(self, account: Account) -> Exchange[Renewed]:
        """Get newer secrets, where there is a way. Raises Refused, of class `auth` where there is none."""
        yield from ()
        raise no_way()

    def inspect(self, account: Account) -> Exchange[TokenFacts | None]:
        """Ask how the account's token is; None where that cannot be asked. Raises Refused."""
        yield from ()
        return None

    def profile(self, account: Account, peer: str) -> Exchange[str | None]:
        """Ask for a customer's name, where the platform tells it. Raises Refused."""
        yield from ()
        return None

    def hear(self, payload: Mapping[str, Any]) -> Iterator[Heard]:
        """Yield what a webhook tells, in its order; what we do not know comes as Unknown."""
        yield from ()


def no_way() -> Refused:
    """Return the refusal of an account whose secrets nothing can renew."""
    return Refused(Failure(kind=FailureClass.AUTH, code="no_way", reason="Only connecting the channel again helps."))


def pieces_of(
    text: str, attachments: tuple[Attachment, ...], limits: Limits
) -> tuple[tuple[str, Attachment | None], ...]:
    """Cut a message into what single calls take: a text that fits goes as the caption of a lone attachment."""
    if len(attachments) == 1 and text and limits.caption:
        (caption, *rest) = split(text, limits.caption, limits.unit)
        if not rest:
            return ((caption, attachments[0]),)
    texts = split(text, limits.text, limits.unit)
    return (*((each, None) for each in texts), *(("", attachment) for attachment in attachments))


def medium_of(attachment: Attachment) -> str:
    """Return `image`, `audio`, `video` or `file`."""
    kind = attachment.type.partition("/")[0].lower()
    return kind if kind in MEDIA else "file"
