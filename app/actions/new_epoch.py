"""Tell every client that a company's log was restored from a backup, so that it loads its state anew."""

from uuid import uuid4

from app.errors import NotFound
from app.hub import Hub
from app.models.entity import CompanyId
from app.outside.security_log import EPOCH_BEGUN


async def new_epoch(hub: Hub, company_id: CompanyId | None) -> int:
    """Give one company's stream a new epoch, or all of them; return how many. Raises NotFound."""
    ids = [company_id] if company_id else await hub.store.streams.all_ids()
    changed = 0
    for each in ids:
        changed += await hub.store.streams.new_epoch(each, str(uuid4()), head=await hub.store.events.last_seq(each))
    if company_id and not changed:
        raise NotFound("There is no company with this id.")
    hub.security.say(EPOCH_BEGUN, company_id=company_id, count=changed)
    return changed
