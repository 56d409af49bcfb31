"""Why the server ends a connection: the close code, the reason, and whether to come back. One table.

An official client comes back by itself after each of them, since its transport closed and no packet told it to leave;
"come back" says whether that can help. Codes from 4000 are ours to give (RFC 6455 section 7.4.2).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Closing:
    """One reason to end a connection."""

    code: int
    reason: str
    come_back: bool


RESTARTING = Closing(1012, "the server is restarting", come_back=True)
TOO_LARGE = Closing(1009, "a frame was too large", come_back=True)
PROTOCOL_ERROR = Closing(1002, "a packet could not be understood", come_back=True)
INVALID_TEXT = Closing(1007, "a text was not UTF-8", come_back=True)
TRY_LATER = Closing(1013, "something is away; try again in a moment", come_back=True)
CLIENT_LEFT = Closing(1000, "the client said goodbye", come_back=False)
NO_CONNECT = Closing(4408, "no namespace was connected in time", come_back=True)
PING_TIMEOUT = Closing(4409, "no answer to a ping", come_back=True)
UNFINISHED = Closing(4410, "a message was begun and not finished in time", come_back=True)
EXPIRED = Closing(4401, "the token expired", come_back=True)
SIGNED_OUT = Closing(4403, "this sign-in has ended", come_back=False)
CHANGED = Closing(4405, "what you may do has changed", come_back=True)
FLOODED = Closing(4429, "too many frames or events at once", come_back=True)
CROWDED = Closing(4430, "too many connections of one person or company", come_back=True)
GUESSED = Closing(4431, "too many invalid keys from this address", come_back=True)
SLOW = Closing(4413, "too much waited to be read", come_back=True)

ALL = tuple(value for value in globals().values() if isinstance(value, Closing))
