"""Announce what another service has stored; it goes through the journal like any event."""

from datetime import datetime
from typing import Any

from app.actions.keys import change_key, digest_of
from app.errors import NotFound
from app.events import AppointmentCanceled, AppointmentCreated, AppointmentUpdated, Event, MessageAnnounced
from app.hub import Hub
from app.journal.change import Change, Committed, Decision, Seen
from app.models.caller import Caller
from app.models.conversation import Conversation
from app.models.entity import AppointmentId, CompanyId, ConversationId

APPOINTMENTS = {"created": AppointmentCreated, "updated": AppointmentUpdated, "canceled": AppointmentCanceled}


async def announce_message(
    hub: Hub,
    caller: Caller,
    company_id: CompanyId,
    conversation_id: ConversationId,
    message: dict[str, Any],
    client_key: str | None,
) -> Committed:
    """Say `message:new` for a message that we do not store; its id is its key unless the client gives another.

    Raises NotFound for a conversation that is not the company's.
    """
    event = MessageAnnounced(announced_in=conversation_id, message=message)
    return await _announce(hub, caller, company_id, "announce_message", event, client_key or str(message["id"]))


async def announce_appointment(
    hub: Hub,
    caller: Caller,
    company_id: CompanyId,
    verb: str,
    appointment: dict[str, Any],
    client_key: str | None,
) -> Committed:
    """Say that an appointment was created, updated or canceled."""
    event = APPOINTMENTS[verb](id=AppointmentId(str(appointment["id"])), appointment=appointment)
    return await _announce(hub, caller, company_id, f"appointment_{verb}", event, client_key)


async def _announce(
    hub: Hub, caller: Caller, company_id: CompanyId, verb: str, event: Event, client_key: str | None
) -> Committed:
    key, claimed = change_key(hub, caller, verb, client_key)
    where = Conversation.ref(event.conversation_id) if event.conversation_id else None

    def decide(seen: Seen, now: datetime) -> Decision:
        if where is not None and seen.get(where) is None:
            raise NotFound.of("conversation_id")
        return Decision(events=(event,))

    return await hub.journal.commit(
        Change(
            company_id=company_id,
            key=key,
            claimed=claimed,
            digest=digest_of(event.conversation_id, event.payload()),
            needs=(where,) if where else (),
            decide=decide,
        )
    )
