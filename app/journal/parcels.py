"""A batch as it goes to the database: each document is encoded once, so its bytes are known before anything is sent."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bson import encode
from bson.raw_bson import RawBSONDocument

from app.journal.change import Change
from app.models.entity import Entity
from app.stores.bulk import replacement, without
from app.stores.codec import Document
from app.stores.entities import EntityStore


@dataclass(frozen=True, slots=True)
class Put:
    """One thing to write: as it shall be, for which change, and whether it is new in this batch."""

    entity: Entity
    change: Change
    new: bool


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes into one collection; `owners` are the changes behind the inserts, then those behind the updates."""

    collection: str
    inserts: Sequence[RawBSONDocument]
    updates: Sequence[Document]
    owners: Sequence[Change]
    size: int


def parcels_of(
    puts: Iterable[Put], stores: dict[type[Entity], EntityStore[Any]], handed_over: Collection[str]
) -> list[Parcel]:
    """Return a parcel for each collection. Raises the driver's errors for a value that BSON cannot hold."""
    of_kind: dict[type[Entity], list[Put]] = {}
    for put in puts:
        of_kind.setdefault(put.entity.__class__, []).append(put)
    return [_parcel(store, of_kind[kind], handed_over) for kind, store in stores.items() if kind in of_kind]


def _parcel(store: EntityStore[Any], puts: list[Put], handed_over: Collection[str]) -> Parcel:
    inserts, updates, inserting, updating, size = [], [], [], [], 0
    # In whatever order they are replaced, no name may be taken before it is given up: two things may even swap theirs.
    for put in puts:
        if not put.new and put.entity.id in handed_over:
            updates.append(without(store.document(put.entity)["_id"], store.name_fields))
            updating.append(put.change)
    for put in puts:
        document = store.document(put.entity)
        encoded = encode(document)
        size += len(encoded)
        if put.new:
            inserts.append(RawBSONDocument(encoded))
            inserting.append(put.change)
        else:
            updates.append(replacement(document["_id"], RawBSONDocument(encoded)))
            updating.append(put.change)
    return Parcel(store.name, inserts, updates, inserting + updating, size)
