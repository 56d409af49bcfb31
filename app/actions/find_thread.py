"""Find the customer and the conversation that a platform speaks of, or make them: pure, under the company's lock."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from loguru import logger

from app.access import recalled
from app.actions.open_secrets import account_of
from app.errors import NotConnected
from app.hub import Hub
from app.journal.change import Seen
from app.models.channel import Channel
from app.models.contact import Contact, Identity
from app.models.conversation import Conversation
from app.models.entity import ContactId, ConversationId, Entity, Ref
from app.models.failure import Refused

LOOK_UP = 3.0  # seconds that a name may take; without one the customer is named after the platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A customer as a channel knows them; the ids are for what may have to be made."""

    channel: Channel
    external_id: str
    name: str | None
    contact_id: ContactId
    conversation_id: ConversationId

    @property
    def needs(self) -> tuple[Ref[Entity], ...]:
        """Name what a decision about this peer will see."""
        return (
            Channel.ref(self.channel.id),
            Contact.known_as(self.channel.id, self.external_id),
            self.thread,
        )

    @property
    def thread(self) -> Ref[Conversation]:
        """Ask for the open conversation with this peer."""
        return Conversation.open_with(self.channel.id, self.channel.platform, self.external_id)


async def peer_on(hub: Hub, channel: Channel, external_id: str, name: str | None = None) -> Peer:
    """Return the peer, with a name if it is to be had: one look-up, for somebody who was never here before."""
    known = await recalled(hub, channel.company_id, Contact.known_as(channel.id, external_id))
    if known is None and name is None:
        name = await _name_of(hub, channel, external_id)
    return Peer(
        channel=channel,
        external_id=external_id,
        name=name,
        contact_id=ContactId(hub.new_id()),
        conversation_id=ConversationId(hub.new_id()),
    )


async def _name_of(hub: Hub, channel: Channel, external_id: str) -> str | None:
    try:
        async with asyncio.timeout(LOOK_UP):
            return await hub.talk.run(hub.networks[channel.platform].profile(account_of(hub, channel), external_id))
    except (Refused, TimeoutError, KeyError) as error:
        logger.bind(channel_id=channel.id, error=type(error).__name__).info("a name could not be looked up")
        return None


def contact_of(seen: Seen, peer: Peer, now: datetime) -> tuple[Contact, bool]:
    """Return the customer, and whether they are new. Raises NotConnected: the account may be another company's now.

    Whoever the open conversation is with, it goes on with: the identity may have been taken off the contact since.
    """
    channel = peer.channel
    connected = seen.get(Channel.ref(channel.id))
    if connected is None or not connected.is_connected:
        raise NotConnected
    thread = seen.get(peer.thread)
    known = seen.get(Contact.ref(thread.contact_id)) if thread else None
    known = known or seen.get(Contact.known_as(channel.id, peer.external_id))
    if known is not None:
        return known, False
    identity = Identity(platform=channel.platform, channel_id=channel.id, external_id=peer.external_id)
    made = Contact(
        id=peer.contact_id,
        company_id=channel.company_id,
        name=peer.name or f"{channel.platform.value.capitalize()} customer",
        identities=(identity,),
        created_at=now,
    )
    return made.seen(channel.platform), True


def conversation_of(seen: Seen, peer: Peer, contact: Contact, now: datetime) -> Conversation:
    """Return the open conversation with this peer, else a new one."""
    channel = peer.channel
    return seen.get(peer.thread) or Conversation(
        id=peer.conversation_id,
        company_id=channel.company_id,
        contact_id=ContactId(contact.id),
        channel_id=channel.id,
        platform=channel.platform,
        peer=peer.external_id,
        created_at=now,
    )


def heard_from(contact: Contact, peer: Peer, at: datetime) -> Contact:
    """Return the contact as one who wrote here at a time."""
    return contact.seen(peer.channel.platform).heard(peer.channel.id, at)
