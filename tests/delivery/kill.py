"""What the process that is killed and the one that goes on have in common."""

from app.actions.draft import Draft
from app.hub import Hub
from app.models.caller import Caller, CallerKind
from app.models.contact import Platform
from app.models.entity import CompanyId, ContactId
from app.models.message import Direction, MessageRole
from app.models.people import Scope


def operator(hub: Hub, company_id: str) -> Caller:
    """Return a caller who may do everything, the same in both processes."""
    return Caller(
        kind=CallerKind.USER, id="5" * 24, name="Ines", company_id=CompanyId(company_id), scopes=frozenset({Scope.ALL})
    )


def draft_for(contact_id: str, content: str) -> Draft:
    """Return a reply whose key is its content."""
    return Draft(
        role=MessageRole.OPERATOR,
        direction=Direction.OUTBOUND,
        contact_id=ContactId(contact_id),
        platform=Platform.TELEGRAM,
        content=content,
        client_message_id=content,
    )
