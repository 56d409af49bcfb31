"""Every index that the database has at start, in one place: a query that needs another must add it here too."""

import asyncio
import inspect

from app.settings import Settings
from app.stores.database import connect, stores_in
from app.stores.entities import EntityStore
from tests.desk import Desk

EXPECTED = {
    "api_keys": {"company", "prefix"},
    "channels": {"account", "by_platform", "expiring", "former", "main"},
    "companies": {"slug"},
    "contacts": {"by_platform", "identity", "newest"},
    "conversations": {"latest", "of_contact", "one_open", "queueing"},
    "endings": {"expiry"},
    "events": {"key", "of_conversation"},
    "gates": set(),
    "lanes": {"deadline", "leased", "waiting"},
    "leases": set(),
    "messages": {"external", "of_contact", "of_conversation", "queued_again"},
    "oauth_grants": {"expiry", "state"},
    "read_marks": {"of_conversation", "reader"},
    "receipts": {"expiry", "kept_aside"},
    "sessions": {"expiry", "token", "user"},
    "streams": set(),
    "unheard": {"expiry", "kind"},
    "users": {"company", "email"},
    "writers": {"silence"},
}

UNIQUE = {
    ("api_keys", "prefix"),
    ("channels", "account"),
    ("channels", "main"),
    ("companies", "slug"),
    ("contacts", "identity"),
    ("conversations", "one_open"),
    ("events", "key"),
    ("messages", "external"),
    ("oauth_grants", "state"),
    ("read_marks", "reader"),
    ("sessions", "token"),
    ("users", "email"),
}


async def test_these_indexes_are_there_at_start_and_no_others(desk: Desk) -> None:
    found = {store.name: await store.collection.index_information() for store in desk.hub.store.all}
    assert {name: set(indexes) - {"_id_"} for name, indexes in found.items()} == EXPECTED
    unique = {(name, index) for name, all_of in found.items() for index, facts in all_of.items() if facts.get("unique")}
    assert unique == UNIQUE


async def test_servers_that_start_together_on_an_empty_database_all_start(mongo_uri: str) -> None:
    async with connect(Settings(), mongo_uri) as client:
        await client.drop_database("together")
        await asyncio.gather(*(stores_in(client, "together").create_indexes() for _ in range(4)))
        await client.drop_database("together")


async def test_the_log_is_read_by_its_order_alone(desk: Desk) -> None:
    await desk.receive()
    since = {"_id": {"$gt": b"\0" * 20, "$lte": b"\xff" * 20}}
    plan = await desk.hub.store.events.collection.find(since).sort("_id", 1).explain()
    assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT" not in {stage for stage in str(plan["queryPlanner"]["winningPlan"]).split("'") if stage.isupper()}


async def test_every_method_of_a_journaled_store_begins_with_the_company(desk: Desk) -> None:
    for store in desk.hub.store.journaled.values():
        assert isinstance(store, EntityStore)
        for name, method in inspect.getmembers(store, inspect.iscoroutinefunction):
            assert next(iter(inspect.signature(method).parameters)) == "company_id", f"{type(store).__name__}.{name}"
