"""What other services may have announced."""

from datetime import UTC, datetime
from typing import Any

from app.access import access_company
from app.actions.announce import announce_appointment, announce_message
from app.errors import (
    EmissionFailed,
    Invalid,
    InvalidMessageStructure,
    MissingRequiredFields,
    NotFound,
    Refusal,
)
from app.handlers.bodies import AnnounceBody, AppointmentBody, NoQuery
from app.handlers.endpoint import ID, Ask, Reply
from app.models.entity import ConversationId
from app.models.fields import MOST_CONTENT
from app.models.message import Direction
from app.models.wire import to_json

MOST_DEPTH = 8
MOST_KEYS = 200
MOST_BYTES = 32_000
MOST_INTEGER = 2**63 - 1  # orjson writes no larger one


async def emit_message(ask: Ask[AnnounceBody, NoQuery]) -> Reply:
    """Announce a message that another service has stored."""
    body = ask.body
    if not body.conversation_id or body.message is None or not (body.company_id or ask.caller.company_id):
        raise MissingRequiredFields
    message = _message_of(body.message)
    named = _id("company_id", body.company_id) if body.company_id else None
    company_id = await access_company(ask.hub, ask.caller, named)
    conversation_id = ConversationId(_id("conversation_id", body.conversation_id))
    message |= {"company_id": company_id, "conversation_id": conversation_id}
    try:
        done = await announce_message(ask.hub, ask.caller, company_id, conversation_id, message, ask.key)
    except Refusal as refusal:
        raise EmissionFailed if refusal.retryable else refusal from None
    data = {"seq": done.seq, "conversation_id": conversation_id, "message_id": message["id"]}
    return Reply(data, replayed=done.replayed)


def _id(field: str, given: Any) -> str:
    if not isinstance(given, str) or not ID.fullmatch(given):
        raise NotFound.of(field)
    return given.lower()


def _message_of(given: Any) -> dict[str, Any]:
    """Return the announced message in our own words. Raises InvalidMessageStructure."""
    if not isinstance(given, dict) or set(given) - {"id", "contactId", "content", "direction", "timestamp"}:
        raise InvalidMessageStructure
    named = (given.get("id"), given.get("contactId"))
    if not all(isinstance(each, str) and 0 < len(each) <= 255 for each in named):
        raise InvalidMessageStructure
    if given.get("direction") not in tuple(Direction):
        raise InvalidMessageStructure("The message's direction is inbound or outbound.")
    content = given.get("content", "")
    if not isinstance(content, str) or len(content) > MOST_CONTENT:
        raise InvalidMessageStructure(f"The message's content is a text of {MOST_CONTENT} characters at most.")
    return {
        "id": named[0],
        "contact_id": named[1],
        "content": content,
        "direction": given["direction"],
        "created_at": _moment(given.get("timestamp")),
    }


def _moment(given: Any) -> str | None:
    """Return a timestamp in ISO 8601; services send that, or milliseconds since 1970."""
    if given is None:
        return None
    try:
        if isinstance(given, str):
            return datetime.fromisoformat(given).isoformat()
        if isinstance(given, int | float) and not isinstance(given, bool):
            return datetime.fromtimestamp(given / 1000, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        pass
    raise InvalidMessageStructure("The message's timestamp is ISO 8601, or milliseconds since 1970.")


async def appointment_created(ask: Ask[AppointmentBody, NoQuery]) -> Reply:
    """Announce that an appointment was made."""
    return await _appointment(ask, "created")


async def appointment_updated(ask: Ask[AppointmentBody, NoQuery]) -> Reply:
    """Announce that an appointment changed."""
    return await _appointment(ask, "updated")


async def appointment_canceled(ask: Ask[AppointmentBody, NoQuery]) -> Reply:
    """Announce that an appointment was called off."""
    return await _appointment(ask, "canceled")


async def _appointment(ask: Ask[AppointmentBody, NoQuery], verb: str) -> Reply:
    appointment = ask.body.appointment
    id = appointment.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= 255:
        raise Invalid.of("appointment.id", "An appointment has an id, a text of 255 characters at most.")
    if not _is_bounded(appointment) or len(to_json(appointment)) > MOST_BYTES:
        raise Invalid.of("appointment", f"At most {MOST_KEYS} values, {MOST_DEPTH} levels deep, integers of 64 bits.")
    company_id = await access_company(ask.hub, ask.caller, ask.body.company_id)
    done = await announce_appointment(ask.hub, ask.caller, company_id, verb, appointment, ask.key)
    return Reply({"seq": done.seq, "appointment_id": id}, replayed=done.replayed)


def _is_bounded(value: Any) -> bool:
    """Tell whether free-form JSON is of a size that we want to repeat to every listener."""
    level, count = [value], 0
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        count += len(level)
        if any(isinstance(each, int) and abs(each) > MOST_INTEGER for each in level):
            return False
        if not level:
            return count <= MOST_KEYS
    return False
