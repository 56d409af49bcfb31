"""Know a customer better."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.access import access_contact, company_of
from app.actions.create_contact import check_channels, names_of, refuse_taken
from app.actions.keys import Done, change_key, digest_of
from app.errors import NotFound
from app.events import ContactUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.caller import Caller
from app.models.contact import Contact, Identity
from app.models.entity import ContactId


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactEdit:
    """What shall change, by field name; what is not in it stays."""

    fields: dict[str, Any]

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Return the identities that shall replace the present ones."""
        return self.fields.get("identities") or ()


async def edit_contact(
    hub: Hub, caller: Caller, id: ContactId, edit: ContactEdit, client_key: str | None = None
) -> Done:
    """Return the contact as it is now. Raises NotFound, Duplicate."""
    await access_contact(hub, caller, id)
    await check_channels(hub, caller, edit.identities)
    key, claimed = change_key(hub, caller, "edit_contact", client_key)

    def decide(seen: Seen, now: datetime) -> Decision:
        before = seen.get(Contact.ref(id))
        if before is None:
            raise NotFound
        refuse_taken(seen, edit.identities, id)
        after = replace(before, **edit.fields).remembering(before)
        for identity in edit.identities:
            after = after.seen(identity.platform)
        if after == before:
            return Decision(answer=before.view())
        return Decision(puts=(after,), events=(ContactUpdated(contact=after),))

    done = await hub.journal.commit(
        Change(
            company_id=company_of(caller),
            key=key,
            claimed=claimed,
            digest=digest_of(id, edit.fields),
            needs=(Contact.ref(id), *names_of(edit.identities)),
            decide=decide,
        )
    )
    return Done.of(done, "contact")
