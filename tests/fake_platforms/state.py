"""What the fake platforms know: who may send, who has written, what was sent, and what shall go wrong."""

import itertools
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

DAY = 86_400.0  # seconds


@dataclass(kw_only=True)
class Sent:
    """One call that asked to send; `outcome` is delivered, rejected or delivered_unanswered."""

    seq: int
    ts: float
    platform: str
    path: str
    recipient: str
    headers: dict[str, str]
    body: dict[str, Any]
    outcome: str = "rejected"
    message_id: str | None = None


@dataclass(kw_only=True)
class Rule:
    """What shall happen to calls that match: `after` so many, for `times` of them (-1: for good)."""

    match: dict[str, str]
    action: dict[str, Any]
    after: int = 0
    times: int = 1

    def takes(self, platform: str, path: str, recipient: str, token: str, text: str) -> bool:
        """Tell whether this call is one of those, and count it."""
        facts = {"platform": platform, "recipient": recipient, "token": token}
        for name, wanted in self.match.items():
            if name in facts and facts[name] != wanted:
                return False
            if (name == "path" and wanted not in path) or (name == "text_contains" and wanted not in text):
                return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times == 0:
            return False
        self.times -= self.times > 0
        return True


@dataclass(kw_only=True)
class Token:
    """One access token: valid, expired or revoked; `next` is what it is exchanged for, `account` whose it is.

    `businesses` are the WhatsApp accounts that it has a role in, with their numbers. Of tokens for all that somebody
    has, not for chosen ones, Meta does not name them.
    """

    state: str = "valid"
    expires_in: int = 5_183_944
    next: str | None = None
    account: str = ""
    businesses: dict[str, list[str]] = field(default_factory=dict)
    names_businesses: bool = True


def whatsapp_token(number: str, business: str = "9001", **more: Any) -> Token:
    """Return a token of the business account that has this number."""
    return Token(account=number, businesses={business: [number]}, **more)


@dataclass(kw_only=True)
class Code:
    """What a person comes back from the sign-in with: good once, for the address that they were sent to."""

    token: str
    redirect_uri: str


@dataclass
class State:
    """Everything; a reset makes it anew."""

    sent: list[Sent] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    signs: list[tuple[str, str, str]] = field(default_factory=list)  # platform, whom or at which message, what
    tokens: dict[str, Token] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    pages: list[dict[str, Any]] = field(default_factory=list)  # whoever asks, if any are told
    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)  # of bots, by their tokens
    last_in: dict[str, float] = field(default_factory=dict)
    ahead: float = 0.0
    refreshes: int = 0
    in_flight: Counter[str] = field(default_factory=Counter)
    most_in_flight: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    # After a reset too, no id is given out twice.
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(time.time_ns() // 1000))

    def now(self) -> float:
        """Return the platform's time, seconds since 1970; a test may move it ahead."""
        return time.time() + self.ahead

    def rule_for(self, platform: str, path: str, recipient: str, token: str, text: str) -> dict[str, Any]:
        """Return what shall happen to a call, nothing special as a rule."""
        for rule in self.rules:
            if rule.takes(platform, path, recipient, token, text):
                return rule.action
        return {}

    def silent_for(self, recipient: str) -> float | None:
        """Return how long ago a customer wrote, None for one who never did."""
        return self.now() - self.last_in[recipient] if recipient in self.last_in else None

    def record(self, platform: str, path: str, recipient: str, headers: dict[str, str], body: dict[str, Any]) -> Sent:
        """Take down a call that asks to send."""
        call = Sent(
            seq=len(self.sent) + 1,
            ts=self.now(),
            platform=platform,
            path=path,
            recipient=recipient,
            headers=headers,
            body=body,
        )
        self.sent.append(call)
        return call

    def stats(self) -> dict[str, Any]:
        """Return what tests count."""
        return {
            "in_flight_max_per_conversation": self.most_in_flight,
            "calls_by_page": dict(self.calls),
            "refresh_calls": self.refreshes,
        }

    def sent_where(self, platform: str | None, recipient: str | None) -> list[dict[str, Any]]:
        """Return the calls to one platform, one customer, or all."""
        chosen = (each for each in self.sent if platform in (None, each.platform))
        return [asdict(each) for each in chosen if recipient in (None, each.recipient)]
