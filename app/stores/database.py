"""Open the database: the client, every store, every index."""

from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.monitoring import TopologyListener

from app.errors import Unavailable
from app.models.entity import Entity
from app.settings import Settings
from app.stores.channels import Channels
from app.stores.codec import Document
from app.stores.companies import Companies
from app.stores.contacts import Contacts
from app.stores.conversations import Conversations
from app.stores.credentials import Credentials
from app.stores.endings import Endings
from app.stores.entities import EntityStore
from app.stores.gates import Gates
from app.stores.grants import Grants
from app.stores.identities import Identities
from app.stores.lanes import Lanes
from app.stores.leases import Leases
from app.stores.log import Events, Streams, Writers
from app.stores.messages import Messages
from app.stores.parked import EarlyEchoes, ParkedStore
from app.stores.people import ApiKeys, Sessions, Users
from app.stores.read_marks import ReadMarks
from app.stores.unheard import Unheard

# https://www.mongodb.com/docs/manual/reference/error-codes/
NAMESPACE_EXISTS = 48
LEASE = 30.0  # seconds, three times what a platform may take to answer


@dataclass(frozen=True, slots=True)
class Stores:
    """Where everything is kept."""

    client: AsyncMongoClient[Document]
    database: AsyncDatabase[Document]
    companies: Companies
    streams: Streams
    events: Events
    writers: Writers
    users: Users
    sessions: Sessions
    api_keys: ApiKeys
    contacts: Contacts
    channels: Channels
    conversations: Conversations
    messages: Messages
    read_marks: ReadMarks
    parked: ParkedStore
    early_echoes: EarlyEchoes
    lanes: Lanes
    gates: Gates
    unheard: Unheard
    leases: Leases
    credentials: Credentials
    identities: Identities
    grants: Grants
    endings: Endings

    @property
    def journaled(self) -> dict[type[Entity], EntityStore[Any]]:
        """Return the stores that the journal alone writes, by what they keep."""
        stores = (self.contacts, self.channels, self.conversations, self.messages, self.read_marks, self.parked)
        return {store.kind: store for store in stores}

    @property
    def all(self) -> tuple[Any, ...]:
        """Return every store that has indexes."""
        log = (self.companies, self.streams, self.events, self.writers)
        plain = (self.users, self.sessions, self.api_keys, self.lanes, self.gates, self.unheard, self.grants)
        return (*log, *plain, self.leases, self.endings, *self.journaled.values())

    async def ping(self) -> None:
        """Tell whether the primary answers."""
        try:
            await self.client.admin.command("ping")
        except PyMongoError:
            raise Unavailable from None

    async def create_indexes(self) -> None:
        """Make what is missing; a collection without indexes is made too, as transactions must not make it."""
        existing = set(await self.database.list_collection_names())
        for store in self.all:
            if store.name not in existing:
                await self._create(store.name)
            if store.indexes:
                await store.collection.create_indexes(list(store.indexes))

    async def _create(self, name: str) -> None:
        try:
            await self.database.create_collection(name, check_exists=False)
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:  # another process that starts, too, was first
                raise


def connect(settings: Settings, uri: str, *listeners: TopologyListener) -> AsyncMongoClient[Document]:
    """Return a client of our manners: majority writes and reads, bounded waits. It connects when first used."""
    return AsyncMongoClient(
        uri,
        event_listeners=listeners,
        appname="parley",
        tz_aware=True,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        readPreference="primary",
        maxConnecting=4,
        maxPoolSize=settings.mongo_pool_size,
        serverSelectionTimeoutMS=int(settings.mongo_server_selection_timeout.total_seconds() * 1000),
        # A member that stands still is given up, and what waits for it tried elsewhere, after the sum of these two.
        heartbeatFrequencyMS=1000,
        connectTimeoutMS=2000,
        socketTimeoutMS=int(settings.mongo_socket_timeout.total_seconds() * 1000),
    )


def stores_in(client: AsyncMongoClient[Document], name: str, *, lease: float = LEASE) -> Stores:
    """Return the stores of one database. A claim of the outbox lasts `lease` seconds."""
    database = client.get_database(name)
    return Stores(
        client=client,
        database=database,
        companies=Companies(database),
        streams=Streams(database),
        events=Events(database),
        writers=Writers(database),
        users=Users(database),
        sessions=Sessions(database),
        api_keys=ApiKeys(database),
        contacts=Contacts(database),
        channels=Channels(database),
        conversations=Conversations(database),
        messages=Messages(database),
        read_marks=ReadMarks(database),
        parked=ParkedStore(database),
        early_echoes=EarlyEchoes(database),
        lanes=Lanes(database, lease),
        gates=Gates(database),
        unheard=Unheard(database),
        leases=Leases(database),
        credentials=Credentials(database),
        identities=Identities(database),
        grants=Grants(database),
        endings=Endings(database),
    )
