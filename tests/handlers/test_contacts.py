"""Customers over REST."""

from typing import Any

import pytest

from tests.desk import Desk
from tests.handlers.asking import NOWHERE, Refused, changed, got, head_of, missing, refusal, walked

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def known(desk: Desk, name: str = "Ben", **more: Any) -> dict[str, Any]:
    """Make one more customer known."""
    data: dict[str, Any] = (await desk.post("/contacts", {"name": name, **more}))["data"]
    return data


async def on_web(desk: Desk, external_id: str = "visitor-1") -> list[dict[str, Any]]:
    """Return an identity on the company's web channel."""
    web = (await desk.receive())["channel_id"]
    return [{"platform": "web", "channel_id": web, "external_id": external_id}]


async def test_a_contact_is_made_and_found(desk: Desk) -> None:
    body = {"name": " Ben ", "email": "Ben@Shop.test", "phone": "+49 30 1", "company_id": desk.company.id}
    status, answer = await desk.ask("POST", "/contacts", body)
    assert status == 201
    assert (answer["data"]["name"], answer["data"]["email"]) == ("Ben", "ben@shop.test")
    assert await got(desk, f"/contacts/{answer['data']['id']}") == answer["data"]


async def test_the_same_key_twice_makes_one_contact(desk: Desk) -> None:
    body, headers = {"name": "Ben"}, {"Idempotency-Key": "ben"}
    first, again = [await desk.ask("POST", "/contacts", body, headers=headers) for _ in range(2)]
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]


async def test_the_same_key_for_another_contact_is_a_conflict(desk: Desk) -> None:
    await known(desk, "Ben", client_message_id="k1")
    refused = await refusal(desk, "POST", "/contacts", {"name": "Eve", "client_message_id": "k1"})
    assert refused == Refused(409, "idempotency_conflict")


async def test_contacts_come_newest_first_page_by_page(desk: Desk) -> None:
    made = [desk.contact_id, *[(await known(desk, name))["id"] for name in ("Ben", "Cem", "Dora")]]
    pages = await walked(desk, "/contacts?limit=3")
    assert [[contact["id"] for contact in page] for page in pages] == [made[:0:-1], made[:1]]


async def test_contacts_are_listed_by_the_platforms_that_they_wrote_from(desk: Desk) -> None:
    ben = await known(desk, identities=[{"platform": "instagram", "external_id": "ben.1"}])
    await desk.receive(platform="telegram")
    for platform, expected in (("instagram", ben["id"]), ("telegram", desk.contact_id)):
        assert [contact["id"] for contact in await got(desk, f"/contacts?platform={platform}")] == [expected]


async def test_the_older_form_lists_instagram_customers_page_by_page(desk: Desk) -> None:
    made = [
        (await known(desk, identities=[{"platform": "instagram", "external_id": f"ben.{n}"}]))["id"] for n in range(3)
    ]
    first = await desk.post("/messages/instagram", {"company_id": desk.company.id, "limit": 2})
    rest = await desk.post("/messages/instagram", {"before": first["page"]["next"]})
    assert [contact["id"] for contact in first["data"] + rest["data"]] == made[::-1]


async def test_the_older_form_needs_no_body(desk: Desk) -> None:
    assert (await desk.post("/messages/instagram", None))["data"] == []


async def test_an_identity_is_one_contact_on_its_channel(desk: Desk) -> None:
    identities = await on_web(desk)
    await known(desk, "Ben", identities=identities)
    body = {"name": "Eve", "identities": identities}
    assert await refusal(desk, "POST", "/contacts", body) == Refused(409, "duplicate")
    refused = await refusal(desk, "PATCH", f"/contacts/{desk.contact_id}", {"identities": identities})
    assert refused == Refused(409, "duplicate")


async def test_a_contact_with_an_identity_is_answered_again_for_its_key(desk: Desk) -> None:
    identities = await on_web(desk)
    first = await known(desk, identities=identities, client_message_id="k1")
    assert await known(desk, identities=identities, client_message_id="k1") == first


async def test_an_identity_that_was_given_up_is_free(desk: Desk) -> None:
    identities = await on_web(desk)
    ben = await known(desk, "Ben", identities=identities)
    await changed(desk, f"/contacts/{ben['id']}", {"identities": []})
    assert (await known(desk, "Eve", identities=identities))["identities"] == identities


async def test_an_identity_on_a_channel_of_another_platform_is_refused(desk: Desk) -> None:
    identities = [{**identity, "platform": "telegram"} for identity in await on_web(desk)]
    refused = await refusal(desk, "POST", "/contacts", {"name": "Ben", "identities": identities})
    assert refused == Refused(422, "validation_failed", ("identities.0.channel_id",))


async def test_an_identity_on_a_channel_that_was_never_there_is_missing(desk: Desk) -> None:
    identities = [{"platform": "web", "channel_id": NOWHERE, "external_id": "visitor-1"}]
    for method, path in (("POST", "/contacts"), ("PATCH", f"/contacts/{desk.contact_id}")):
        assert await refusal(desk, method, path, {"name": "B", "identities": identities}) == missing("channel_id")


async def test_a_contact_whom_the_channel_knows_writes_in_its_own_conversation(desk: Desk) -> None:
    ben = await known(desk, identities=await on_web(desk))
    first, second = [await desk.receive(contact_id=ben["id"]) for _ in range(2)]
    assert first["conversation_id"] == second["conversation_id"] != (await desk.receive())["conversation_id"]


async def test_a_contact_is_known_better(desk: Desk) -> None:
    after = await changed(desk, f"/contacts/{desk.contact_id}", {"name": "Ann Smith", "phone": "+49 30 1"})
    assert (after["name"], after["phone"], after["version"]) == ("Ann Smith", "+49 30 1", await head_of(desk))
    assert await got(desk, f"/contacts/{desk.contact_id}") == after


async def test_null_empties_a_field_and_silence_keeps_it(desk: Desk) -> None:
    ben = await known(desk, email="ben@shop.test", phone="+49 30 1")
    after = await changed(desk, f"/contacts/{ben['id']}", {"email": None})
    assert (after["email"], after["phone"]) == (None, "+49 30 1")


async def test_a_contact_keeps_a_name(desk: Desk) -> None:
    refused = await refusal(desk, "PATCH", f"/contacts/{desk.contact_id}", {"name": None})
    assert refused == Refused(422, "validation_failed", ("",))


async def test_a_change_that_changes_nothing_says_nothing(desk: Desk) -> None:
    before = await head_of(desk)
    await changed(desk, f"/contacts/{desk.contact_id}", {"name": "Ann Customer"})
    assert await head_of(desk) == before


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_what_was_never_there_is_missing(desk: Desk, method: str) -> None:
    body = {"name": "Ben"} if method == "PATCH" else None
    assert await refusal(desk, method, f"/contacts/{NOWHERE}", body) == missing("contact_id")
