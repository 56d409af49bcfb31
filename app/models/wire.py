"""How everything is written as JSON on the wire, and read from it."""

import re
from typing import Any

import orjson

# One of two surrogates without the other, RFC 8259 section 8.2.
HIGH, LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
HALF = re.compile(rb"%b(?!%b)|(?<!%b)%b" % (HIGH, LOW, HIGH, LOW))


def to_json(value: Any) -> bytes:
    """Return the value as UTF-8 JSON; moments in UTC end in Z."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def from_json(raw: bytes | str) -> Any:
    """Return the value, with U+FFFD for each half of an emoji. Raises JSONDecodeError.

    JavaScript writes such halves, as \\ud83d, of a text that was cut between the two; orjson takes none of it.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        # An escaped backslash is written in another way first, lest what follows it is taken for an escape.
        written = raw.encode() if isinstance(raw, str) else raw
        return orjson.loads(HALF.sub(rb"\\ufffd", written.replace(rb"\\", rb"\u005c")))
