"""Make a new customer known."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.access import access_channel, company_of
from app.actions.keys import change_key, digest_of
from app.errors import Duplicate, Invalid
from app.events import ContactUpdated
from app.hub import Hub
from app.journal.change import Change, Decision, Seen
from app.models.caller import Caller
from app.models.contact import Contact, Identity
from app.models.entity import ContactId, Entity, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """What is known of the customer."""

    name: str
    email: str | None = None
    phone: str | None = None
    identities: tuple[Identity, ...] = ()


async def create_contact(
    hub: Hub, caller: Caller, new: NewContact, client_key: str | None = None
) -> tuple[dict[str, Any], bool]:
    """Return the contact, and whether an earlier try made it. Raises Duplicate for an identity that is taken."""
    await check_channels(hub, caller, new.identities)
    company_id, id = company_of(caller), ContactId(hub.new_id())
    key, claimed = change_key(hub, caller, "create_contact", client_key)

    def decide(seen: Seen, now: datetime) -> Decision:
        refuse_taken(seen, new.identities, None)
        contact = Contact(
            id=id,
            company_id=company_id,
            name=new.name,
            email=new.email,
            phone=new.phone,
            identities=new.identities,
            seen_on=tuple(dict.fromkeys(identity.platform for identity in new.identities)),
            created_at=now,
        )
        return Decision(puts=(contact,), events=(ContactUpdated(contact=contact),))

    done = await hub.journal.commit(
        Change(
            company_id=company_id,
            key=key,
            claimed=claimed,
            digest=digest_of(new),
            needs=names_of(new.identities),
            decide=decide,
        )
    )
    return done.payload["contact"], done.replayed


async def check_channels(hub: Hub, caller: Caller, identities: tuple[Identity, ...]) -> None:
    """Refuse an identity on a channel of another platform; another company's channel is missing."""
    named = dict.fromkeys(identity.channel_id for identity in identities if identity.channel_id is not None)
    channels = {id: await access_channel(hub, caller, id) for id in named}
    for place, identity in enumerate(identities):
        if identity.channel_id is not None:
            channel = channels[identity.channel_id]
            if channel.platform is not identity.platform:
                raise Invalid.of(f"identities.{place}.channel_id", f"This channel is one of {channel.platform}.")


def names_of(identities: tuple[Identity, ...]) -> tuple[Ref[Entity], ...]:
    """Return the names under which channels know these identities."""
    return tuple(Contact.known_as(each.channel_id, each.external_id) for each in identities if each.channel_id)


def refuse_taken(seen: Seen, identities: tuple[Identity, ...], owner: ContactId | None) -> None:
    """Refuse an identity by which a channel knows somebody else."""
    for identity in identities:
        if identity.channel_id is not None:
            known = seen.get(Contact.known_as(identity.channel_id, identity.external_id))
            if known is not None and known.id != owner:
                raise Duplicate("This channel knows another contact by that id.")
