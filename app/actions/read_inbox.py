"""Read the inbox: its conversations, its contacts, its channels, its staff."""

from typing import Any

from app.access import access_channel, access_contact, access_conversation, company_of
from app.actions.channel_warnings import shown
from app.hub import Hub
from app.models.caller import Caller
from app.models.contact import Platform
from app.models.conversation import Status
from app.models.entity import ContactId

Views = list[dict[str, Any]]


async def read_conversation(hub: Hub, caller: Caller, id: str) -> dict[str, Any]:
    """Return one conversation and how far this reader has read it. Raises NotFound."""
    conversation = await access_conversation(hub, caller, id)
    marks = await hub.store.read_marks.of_reader(conversation.company_id, caller.id, [id])
    return {**conversation.view(), "my_read_seq": marks.get(id, 0)}


async def list_conversations(
    hub: Hub,
    caller: Caller,
    *,
    contact_id: ContactId | None,
    platform: Platform | None,
    status: Status | None,
    before: int | None,
    limit: int,
) -> tuple[Views, int | None]:
    """Return a page of conversations, the latest spoken in first, and where the next page begins."""
    if contact_id is not None:
        await access_contact(hub, caller, contact_id)
    company_id = company_of(caller)
    found = await hub.store.conversations.latest(
        company_id, contact_id=contact_id, platform=platform, status=status, before=before, limit=limit + 1
    )
    marks = await hub.store.read_marks.of_reader(company_id, caller.id, [each.id for each in found[:limit]])
    views = [{**each.view(), "my_read_seq": marks.get(each.id, 0)} for each in found[:limit]]
    return views, found[limit - 1].activity_seq if len(found) > limit else None


async def read_contact(hub: Hub, caller: Caller, id: str) -> dict[str, Any]:
    """Return one contact. Raises NotFound."""
    return (await access_contact(hub, caller, id)).view()


async def list_contacts(
    hub: Hub, caller: Caller, *, platform: Platform | None, before: int | None, limit: int
) -> tuple[Views, int | None]:
    """Return a page of contacts, newest first, all or those seen on a platform."""
    found = await hub.store.contacts.newest(company_of(caller), platform=platform, before=before, limit=limit + 1)
    return [each.view() for each in found[:limit]], found[limit - 1].seq if len(found) > limit else None


async def list_users(hub: Hub, caller: Caller) -> Views:
    """Return the staff by name, those who were let go too: an older conversation may still be assigned to one."""
    return [user.card() for user in await hub.store.users.of_company(company_of(caller))]


async def read_channel(hub: Hub, caller: Caller, id: str) -> dict[str, Any]:
    """Return one channel, a disconnected one too. Raises NotFound."""
    return shown(hub, await access_channel(hub, caller, id))


async def list_channels(hub: Hub, caller: Caller, *, before: int | None, limit: int) -> tuple[Views, int | None]:
    """Return a page of what is connected, newest first, and where the next page begins."""
    found = await hub.store.channels.connected(company_of(caller), before=before, limit=limit + 1)
    return [shown(hub, each) for each in found[:limit]], found[limit - 1].seq if len(found) > limit else None
