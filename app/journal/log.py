"""One company's log as it is stored: what is read of it when nobody here was there to hear it."""

from pymongo.errors import PyMongoError

from app.errors import NotFound, Unavailable
from app.journal.change import Recorded
from app.journal.records import recorded
from app.models.company import Stream
from app.models.entity import CompanyId
from app.stores.database import Stores

PAGE_EVENTS = 200  # an event is about 1.5 kB, so this fills a page; what were read beyond it would be read for nothing


class Log:
    """Its events raise PyMongoError, where it stands Unavailable, while the database is away."""

    def __init__(self, stores: Stores, company_id: CompanyId) -> None:
        self.stores = stores
        self.company_id = company_id

    async def stream(self) -> Stream:
        """Return where the log stands. Raises NotFound, Unavailable."""
        try:
            stream = await self.stores.streams.get(self.company_id)
        except PyMongoError:
            raise Unavailable from None
        if stream is None:
            raise NotFound
        return stream

    async def after(self, since: int, until: int, conversation_id: str | None = None) -> list[Recorded]:
        """Return the first PAGE_EVENTS of (since, until], in order, of the company or of one conversation."""
        found = await self.stores.events.after(
            self.company_id, since, until, limit=PAGE_EVENTS, conversation_id=conversation_id
        )
        return [recorded(self.company_id, document) for document in found]

    async def last(self, since: int, until: int) -> list[Recorded]:
        """Return the last PAGE_EVENTS of (since, until], in order."""
        found = await self.stores.events.last(self.company_id, since, until, limit=PAGE_EVENTS)
        return [recorded(self.company_id, document) for document in found]
