"""A new key in front of the ring: everything is sealed with it, and what no key opens is named."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.outside.vault import Unreadable, Vault
from tests.cli.conftest import Call
from tests.cli.processes import Done
from tests.desk import Desk, open_desk
from tests.handlers.asking import head_of

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))
# Nobody answers there: a platform that cannot be asked does not prevent connecting.
AWAY = {"GRAPH_BASE_URL": "http://127.0.0.1:9"}


@pytest.fixture
async def desk(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A company with two accounts, sealed with the old key."""
    async with open_desk(mongo_uri, tmp_path, ENCRYPTION_KEYS=OLD, **AWAY) as opened:
        for number in (1, 2):
            credentials = {"access_token": f"token-{number}"}
            body = {"platform": "facebook", "external_id": str(number), "credentials": credentials}
            await opened.post("/channels", body)
        yield opened


async def reencrypted(call: Call, desk: Desk, *words: str, keys: str) -> Done:
    return await asyncio.to_thread(call, "reencrypt", *words, MONGODB_URI=desk.uri, ENCRYPTION_KEYS=keys)


async def sealed_in(desk: Desk) -> dict[str, bytes]:
    """Return what is stored, by the channels' ids."""
    rows = desk.hub.store.channels.collection.find({"sealed": {"$exists": True}})
    return {str(row["_id"]): row["sealed"] async for row in rows}


async def test_everything_is_sealed_with_the_newest_key_and_nobody_is_told(call: Call, desk: Desk) -> None:
    head, before = await head_of(desk), await sealed_in(desk)
    assert await reencrypted(call, desk, "--json", keys=f"{NEW},{OLD}") == Done(0, '{"sealed":2,"unreadable":[]}\n', "")
    after = await sealed_in(desk)
    assert sorted(Vault([NEW]).open(id, sealed)["access_token"] for id, sealed in after.items()) == [
        "token-1",
        "token-2",
    ]
    assert sorted(before) == sorted(after)
    assert await head_of(desk) == head
    for id, sealed in after.items():
        with pytest.raises(Unreadable):
            Vault([OLD]).open(id, sealed)
    done = await reencrypted(call, desk, keys=NEW)
    assert done == Done(0, "The credentials of 2 channels were sealed anew.\n", "")


async def test_a_running_server_goes_on_with_what_was_sealed_anew(call: Call, desk: Desk) -> None:
    id = next(iter(await sealed_in(desk)))
    assert (await desk.ask("PATCH", f"/channels/{id}", {"name": "Before"}))[0] == 200
    await reencrypted(call, desk, keys=f"{NEW},{OLD}")
    assert (await desk.ask("PATCH", f"/channels/{id}", {"name": "After"}))[0] == 200
    Vault([NEW]).open(id, (await sealed_in(desk))[id])


async def test_what_no_key_opens_is_named_and_left_as_it_is(call: Call, desk: Desk) -> None:
    before = await sealed_in(desk)
    done = await reencrypted(call, desk, keys=LOST)
    assert (done.code, done.out) == (1, "The credentials of 0 channels were sealed anew.\n")
    assert all(id in done.err for id in before)
    assert "token-" not in done.err
    assert await sealed_in(desk) == before
