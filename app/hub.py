"""What an action may use besides its arguments. Built once, in `main.py`."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakValueDictionary

from app.journal.journal import Journal
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.entity import ChannelId, CompanyId, ConversationId
from app.models.failure import Failure
from app.models.gate import Gate
from app.models.job import JobState
from app.models.people import ApiKey, Session, User
from app.outside.derived import Derived
from app.outside.doorbell import Doorbell
from app.outside.guesses import Guesses
from app.outside.limiter import Limiter
from app.outside.line import Pace
from app.outside.passwords import Passwords
from app.outside.recent import Recent
from app.outside.refresh_tokens import RefreshTokens
from app.outside.security_log import SecurityLog
from app.outside.talk import Talk
from app.outside.tokens import Tokens
from app.outside.vault import Vault
from app.platforms.network import Network
from app.settings import Settings
from app.signals import Signal
from app.stores.database import Stores

# Seconds that a revoked key or an ended sign-in may go on in another process; in this one it ends at once.
IDENTITY_SECONDS = 5.0
# Seconds for which a renewal that failed is not tried again: the hundred sends that waited for it share its end.
RENEWAL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Known:
    """What was looked up a moment ago: identities, and the gates of channels in trouble."""

    keys: Recent[str, ApiKey | None] = field(default_factory=lambda: Recent(IDENTITY_SECONDS))
    users: Recent[str, User | None] = field(default_factory=lambda: Recent(IDENTITY_SECONDS))
    sessions: Recent[str, Session | None] = field(default_factory=lambda: Recent(IDENTITY_SECONDS))
    gates: dict[ChannelId, Gate] = field(default_factory=dict)
    accounts: Recent[str, Channel | None] = field(default_factory=lambda: Recent(IDENTITY_SECONDS))


@dataclass(frozen=True, slots=True)
class Renewals:
    """Tokens that are being renewed in this process: one lock a channel, and how it ended, by the old credentials."""

    locks: WeakValueDictionary[ChannelId, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    ended: Recent[bytes, Channel | Failure | None] = field(default_factory=lambda: Recent(RENEWAL_SECONDS))


@dataclass(slots=True)
class Bells:
    """What actions ring and doors listen to, in this process: signals, whose access changed, conversations read."""

    signal: list[Callable[[Signal], None]] = field(default_factory=list)
    signal_elsewhere: list[Callable[[Signal], None]] = field(default_factory=list)
    access: list[Callable[[str], None]] = field(default_factory=list)  # `user:ID`, `key:ID` or `session:ID`
    read: list[Callable[[CompanyId, ConversationId], None]] = field(default_factory=list)


@dataclass(slots=True)
class Drain:
    """Whether this process is on its way out: it ends what it does, and should be sent nothing new."""

    begun: bool = False
    on_begin: list[Callable[[], None]] = field(default_factory=list)

    def begin(self) -> None:
        """Tell everyone who waits for something that others can give as well."""
        self.begun = True
        for each in tuple(self.on_begin):
            each()


@dataclass(frozen=True, slots=True)
class Hub:
    """The journal to write by, the stores to read from, the clock, and the rest of the outside."""

    settings: Settings
    store: Stores
    journal: Journal
    tokens: Tokens
    refresh_tokens: RefreshTokens
    derived: Derived
    passwords: Passwords
    talk: Talk
    vault: Vault
    networks: Mapping[Platform, Network]
    doorbell: Doorbell
    limiter: Limiter
    pace: Pace
    guesses: Guesses
    security: SecurityLog
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    known: Known = field(default_factory=Known)
    bells: Bells = field(default_factory=Bells)
    drain: Drain = field(default_factory=Drain)
    renewals: Renewals = field(default_factory=Renewals)
    jobs: dict[str, JobState] = field(default_factory=dict)  # as this process's scheduler last noted them

    @property
    def process(self) -> str:
        """Return what this process is called by the others: in leases, and at the door."""
        return self.doorbell.process

    def say(self, signal: Signal) -> None:
        """Give a passing signal to whoever listens."""
        for listen in self.bells.signal:
            listen(signal)

    def pass_on(self, signal: Signal) -> None:
        """Give a signal of another process to our clients; what else listens has heard it there."""
        for listen in self.bells.signal_elsewhere:
            listen(signal)
