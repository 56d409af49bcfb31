"""A new key in front of the ring: everything is sealed with it, and what no key opens is named."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from app.outside.derived import key_name
from app.outside.vault import Unreadable, Vault
from tests.cli.conftest import Call
from tests.cli.processes import Done
from tests.desk import PASSWORD, Desk, open_desk
from tests.fake_platforms import serving_platforms
from tests.fake_platforms.state import Token
from tests.handlers.asking import head_of
from tests.sockets.again import elsewhere

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
async def desk(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A company with two accounts, sealed with the old key."""
    async with (
        serving_platforms() as fake,
        open_desk(mongo_uri, tmp_path, ENCRYPTION_KEYS=OLD, GRAPH_BASE_URL=fake.base) as opened,
    ):
        for number in ("1", "2"):
            fake.state.tokens[f"token-{number}"] = Token(account=number)
            credentials = {"access_token": f"token-{number}"}
            body = {"platform": "facebook", "external_id": number, "credentials": credentials}
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


async def keys_found(call: Call, desk: Desk, *keys: str) -> list[tuple[str, str, bool]]:
    """Return what `doctor` says of the keys: how it stands, in which words, and whether there is something to do."""
    given = {"MONGODB_URI": desk.uri, "ENCRYPTION_KEYS": ",".join(keys), "PORT": "0"}
    done = await asyncio.to_thread(call, "doctor", "--json", **given)
    assert done.code == 0, done.err
    found = [each for each in done.object["checks"] if each["check"] == "encryption keys"]
    return [(each["state"], each["says"], bool(each["do"])) for each in found]


async def test_doctor_says_what_still_needs_an_older_key(call: Call, desk: Desk) -> None:
    newest = ("ok", f"the newest ({key_name(NEW)}) is what everything is made with from now on", False)
    older = f"the second ({key_name(OLD)}) is"
    refresh_token = (await desk.post("/auth/login", {"email": desk.email, "password": PASSWORD}, key=""))["data"]
    needs = ("ok", f"{older} still needed by 2 channels and 2 sign-ins", True)
    assert await keys_found(call, desk, NEW, OLD) == [needs, newest]

    await reencrypted(call, desk, keys=f"{NEW},{OLD}")
    needs = ("ok", f"{older} still needed by 0 channels and 2 sign-ins", True)
    assert await keys_found(call, desk, NEW, OLD) == [needs, newest]
    lost = ("warning", "2 sign-ins were made with a key that is not listed", True)
    assert await keys_found(call, desk, NEW) == [lost, newest]

    ring = {"encryption_keys": (SecretStr(NEW), SecretStr(OLD))}
    hub = replace(desk.hub, settings=desk.hub.settings.model_copy(update=ring))
    async with elsewhere(replace(desk, hub=hub)) as renewed:
        body = {"refresh_token": refresh_token["refresh_token"]}
        assert (await renewed.post("/auth/refresh", body, key=""))["data"]["user"]["id"] == desk.user_id
    await desk.hub.store.sessions.collection.delete_many({"key": key_name(OLD)})
    assert await keys_found(call, desk, NEW, OLD) == [
        ("ok", f"{older} needed by nothing that is stored", False),
        newest,
    ]
    assert await keys_found(call, desk, NEW) == [newest]
