"""The security log: who got in, who did not, and whose access changed, as lines of one shape.

Each is a line `security` whose field of that name says which of the events below it is; the trace adds where it came
from and who did it. What strangers can cause is said once a minute for each place, and then counted: a flood fills no
disk.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from app.outside.peer import site_of
from app.outside.trace import traced_facts, untraced

MINUTE = 60.0  # seconds
MOST = 1000  # places and callers that are told apart within a minute; all others are counted together
KEPT = ("remote", "principal", "company_id", "account")  # what a count says of the line that it continues


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One kind of line. One that `floods` can be caused at will by whoever comes: repetitions are counted."""

    name: str
    means: str
    floods: bool = False
    level: str = "INFO"


SIGNED_IN = SecurityEvent("signed_in", "somebody signed in by address and password")
SIGN_IN_REFUSED = SecurityEvent(
    "sign_in_refused", "a wrong address or password, or somebody who was let go", floods=True
)
SIGN_IN_LIMITED = SecurityEvent("sign_in_limited", "too many tries: the password was not looked at", floods=True)
SIGNED_OUT = SecurityEvent("signed_out", "somebody ended their own sign-in")
REFRESH_REFUSED = SecurityEvent(
    "refresh_refused", "a refresh token that is made up or whose sign-in is over", floods=True
)
REFRESH_REUSED = SecurityEvent(
    "refresh_reused", "a refresh token came back long after it was spent: its sign-in was ended", level="WARNING"
)
TOKEN_REFUSED = SecurityEvent(
    "token_refused", "an access token that is not ours, or whose sign-in is over", floods=True
)
KEY_REFUSED = SecurityEvent("key_refused", "an API key that is made up or was revoked", floods=True)
GUESSES_REFUSED = SecurityEvent(
    "guesses_refused", "too many invalid keys and refresh tokens from one address: not looked up", floods=True
)
SCOPE_REFUSED = SecurityEvent("scope_refused", "a key or role without the scope that was needed", floods=True)
SOCKET_SIGNED_IN = SecurityEvent("socket_signed_in", "a socket was let into a namespace", floods=True)
SOCKET_REFUSED = SecurityEvent("socket_refused", "a socket was refused for good", floods=True)
COMPANY_CREATED = SecurityEvent("company_created", "a company was made")
USER_CREATED = SecurityEvent("user_created", "a member of staff was let in")
USER_DEACTIVATED = SecurityEvent("user_deactivated", "a member of staff was let go")
USER_ACTIVATED = SecurityEvent("user_activated", "a member of staff who was let go was let in again")
PASSWORD_SET = SecurityEvent("password_set", "a person was given another password")
SIGN_INS_ENDED = SecurityEvent("sign_ins_ended", "all sign-ins of a person were ended")
KEY_CREATED = SecurityEvent("key_created", "an API key was made")
KEY_REVOKED = SecurityEvent("key_revoked", "an API key was revoked")
CHANNEL_CONNECTED = SecurityEvent("channel_connected", "an account of a platform was connected")
CHANNEL_REKEYED = SecurityEvent("channel_rekeyed", "a channel was given other credentials")
CHANNEL_DISCONNECTED = SecurityEvent("channel_disconnected", "an account of a platform was given up")
EPOCH_BEGUN = SecurityEvent("epoch_begun", "logs were given a new epoch, as after a restore")
REENCRYPTED = SecurityEvent("reencrypted", "stored credentials were sealed with the newest key")

ALL = tuple(event for event in tuple(globals().values()) if isinstance(event, SecurityEvent))


@dataclass(slots=True)
class _Repeated:
    """A line that was written, and how often it would have been since."""

    event: SecurityEvent
    facts: dict[str, Any]
    more: int = 0


@dataclass(slots=True)
class SecurityLog:
    """One process's security log, and what it counts in this minute."""

    _repeated: dict[tuple[str, ...], _Repeated] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None

    def say(self, event: SecurityEvent, **facts: Any) -> None:
        """Write a line, or count it; `facts` hold ids, never a name, an address of e-mail, a password or a key."""
        if not event.floods or self._is_first(event, facts):
            _write(event, facts)

    def close(self) -> None:
        """Write what was counted so far."""
        if self._timer is not None:
            self._timer.cancel()
            self._tell()

    def _is_first(self, event: SecurityEvent, facts: dict[str, Any]) -> bool:
        known = {name: value for name, value in (traced_facts() | facts).items() if name in KEPT}
        of: tuple[str, ...] = (
            event.name,
            known.get("principal", ""),
            known.get("account", ""),
            site_of(known.get("remote", "")),
        )
        if of not in self._repeated and len(self._repeated) >= MOST:
            of, known = (event.name,), {}
        found = self._repeated.get(of)
        if found is not None:
            found.more += 1
            return False
        self._repeated[of] = _Repeated(event, known)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(MINUTE, self._tell, context=untraced())
        return True

    def _tell(self) -> None:
        """Write how often each line was repeated, and begin anew."""
        repeated, self._repeated, self._timer = self._repeated, {}, None
        for each in repeated.values():
            if each.more:
                _write(each.event, {**each.facts, "more": each.more})


def _write(event: SecurityEvent, facts: dict[str, Any]) -> None:
    logger.bind(security=event.name, **facts).log(event.level, "security")
