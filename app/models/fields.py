"""The shapes of what clients write, with their limits: one place for both doors."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from app.errors import Detail, Invalid, Malformed, Refusal

MOST_CONTENT = 5000  # characters
MOST_SEQ = 2**53 - 1  # what a JavaScript client can count to
# What pydantic says in the words of Python, as a client's author reads it.
SENTENCES = {
    "dict_type": "Input should be an object",
    "extra_forbidden": "There is no such field here.",
    "missing": "This field is required.",
    "model_type": "Input should be an object",
}
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # C0, DEL and C1


def _lower(value: str) -> str:
    return value.lower()


def _without_controls(value: str) -> str:
    if CONTROLS.search(value):
        raise ValueError("There is a control character in this.")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("In UTC this is beyond the years that we can count.") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


# Not a pattern: a field has one at most, and that of an address or a URL says more.
NoControls = AfterValidator(_without_controls)
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{24}$"), AfterValidator(_lower)]
ClientKey = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), NoControls]
Text = Annotated[str, StringConstraints(max_length=MOST_CONTENT)]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=512), NoControls]
Seq = Annotated[int, Field(ge=0, le=MOST_SEQ)]
# Any syntactically plausible address is taken, reserved domains included.
Email = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"), NoControls, AfterValidator(_lower)
]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}$")]
Limit = Annotated[int, Field(ge=1, le=200)]
Phone = Annotated[str, StringConstraints(max_length=40), NoControls]
Url = Annotated[str, StringConstraints(max_length=2048, pattern=r"^https?://\S+$"), NoControls]


def invalid(error: ValidationError) -> Refusal:
    """Return the refusal for a body, a query or a payload that is not as it should be: every mistake with its field."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    if any(mistake["type"] == "json_invalid" for mistake in mistakes):
        return Malformed()
    return Invalid(
        details=tuple(
            Detail(
                ".".join(str(step) for step in mistake["loc"]),
                SENTENCES.get(mistake["type"]) or mistake["msg"].removeprefix("Value error, "),
            )
            for mistake in mistakes[:20]
        )
    )
