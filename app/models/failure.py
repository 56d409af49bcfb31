"""Why a message did not get through, in words that decide what happens next."""

from dataclasses import dataclass
from enum import StrEnum


class FailureClass(StrEnum):
    """What kind of trouble it is; each has one consequence."""

    TRANSIENT = "transient"  # try again, later and later
    RATE = "rate"  # the whole channel waits
    AUTH = "auth"  # the token is read anew once, else somebody must connect the channel again
    PERMISSION = "permission"  # the channel stops: somebody must set it right
    WINDOW = "window"  # the customer must write first
    RECIPIENT = "recipient"  # this customer cannot be reached
    CONTENT = "content"  # this message will never be taken
    ROUTING = "routing"  # somebody else has the thread
    UNCERTAIN = "uncertain"  # it may have been sent: never again by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One refusal, as the platform or the network gave it.

    `code` is the platform's (`190/463`, `429`), `reason` a sentence for staff. `wait` is for how many seconds the
    platform wants no more of this, if it says; `most_tries` bounds what may be tried until the deadline. `renewable`: a
    token read anew may help. `pair_only`: it concerns this customer, not the whole channel. `pauses`: the channel must
    stop until a person looks. `outage`: a 5xx or a connection that failed, which may be everybody's.
    """

    kind: FailureClass
    code: str
    reason: str
    wait: float | None = None
    most_tries: int | None = None
    renewable: bool = False
    pair_only: bool = False
    pauses: bool = False
    outage: bool = False

    @property
    def may_be_retried(self) -> bool:
        """Tell whether a person who sends it again may have more luck: not with the same content."""
        return self.kind is not FailureClass.CONTENT


class Refused(Exception):
    """The platform did not take a request."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code, failure.reason)
        self.failure = failure
