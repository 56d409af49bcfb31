"""Found a company: its stream, and the web channel that it is born with."""

import re
import secrets
from uuid import uuid4

from app.hub import Hub
from app.models.channel import Channel
from app.models.company import Company, Stream
from app.models.contact import Platform
from app.models.entity import ChannelId, CompanyId
from app.outside.security_log import COMPANY_CREATED


async def found_company(hub: Hub, name: str) -> Company:
    """Return the new company. Two may have one name: the slug tells them apart."""
    now, id = hub.now(), CompanyId(hub.new_id())
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "company"
    company = Company(id=id, name=name, slug=f"{slug}-{secrets.token_hex(3)}", created_at=now)
    web = Channel(id=ChannelId(hub.new_id()), company_id=id, platform=Platform.WEB, name="Web chat", created_at=now)
    await hub.store.companies.create(company, Stream(id=id, epoch=str(uuid4())), web)
    hub.security.say(COMPANY_CREATED, company_id=id)
    return company
