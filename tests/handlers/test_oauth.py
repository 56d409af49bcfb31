"""A person signs in at Facebook, chooses among their pages, and no token passes through their browser."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from app.access import caller_with_key
from app.actions.begin_facebook_login import begin_facebook_login
from app.errors import Invalid, NotConfigured, Refusal
from app.settings_values import Environment
from tests.desk import Desk, open_desk
from tests.fake_platforms.state import Code
from tests.handlers.accounts import Place, open_place
from tests.handlers.asking import Refused, got, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

BACK = "https://desk.example/connected"
INVALID = "validation_failed"
BEGIN, FINISH = "/channels/facebook/oauth", "/channels/facebook/oauth/finish"


def page(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"51{number}", "name": f"Page {number}", "access_token": f"secret-page-token-{number}", **more}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_place(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A server whose platforms are the fake ones."""
    async with open_place(mongo_uri, tmp_path_factory.mktemp("oauth")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def place(whole_place: Place) -> AsyncIterator[Place]:
    """A fresh company there, and somebody with five pages, one with Instagram; page 3 is not theirs to use."""
    whole_place.forget()
    place = Place(await whole_place.desk.neighbour("Acme"), whole_place.fake)
    await tell(
        place,
        "pages",
        pages=[
            page(1, instagram_business_account={"id": "6100", "username": "shop"}),
            page(2),
            {"id": "513", "name": "No token", "access_token": ""},
            page(4),
            page(5),
        ],
    )
    yield place
    for channel in await got(place.desk, "/channels"):
        if channel["platform"] != "web":
            await place.desk.ask("DELETE", f"/channels/{channel['id']}")


async def tell(place: Place, what: str, **order: Any) -> None:
    async with place.desk.http.post(f"{place.fake.base}/__fake__/{what}", json=order) as response:
        assert response.status == 200


async def begun(place: Place, code: str = "code-1", key: str | None = None) -> str:
    """Begin a sign-in, let the person come back with a code, and return the state."""
    state: str = (await place.desk.post(BEGIN, {"redirect_uri": BACK}, key=key))["data"]["state"]
    place.fake.state.codes[code] = Code(token="short-user-token", redirect_uri=BACK)
    await tell(place, "tokens", token="short-user-token", next_token="long-user-token")
    await tell(place, "tokens", token="long-user-token")
    return state


async def finished(place: Place, **more: Any) -> dict[str, Any]:
    body = {"state": await begun(place), "code": "code-1"}
    data: dict[str, Any] = (await place.desk.post(FINISH, body, **more))["data"]
    return data


async def test_the_address_names_the_app_the_way_back_and_a_state(place: Place) -> None:
    told = (await place.desk.post(BEGIN, {"redirect_uri": BACK}))["data"]
    address = urlsplit(told["url"])
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://www.facebook.com/v25.0/dialog/oauth"
    assert (asked["client_id"], asked["redirect_uri"], asked["state"]) == ("123", BACK, told["state"])
    assert "pages_messaging" in asked["scope"].split(",")
    assert len(told["state"]) >= 32
    kept = await place.desk.hub.store.grants.collection.find_one(sort=[("_id", 1)])
    assert told["state"] not in repr(kept)


async def test_a_person_comes_back_and_their_pages_are_listed_without_tokens(place: Place) -> None:
    done = await finished(place)
    assert done["pages"] == [
        {"id": "511", "name": "Page 1", "instagram": {"id": "6100", "name": "shop"}},
        *({"id": f"51{n}", "name": f"Page {n}", "instagram": None} for n in (2, 4, 5)),
    ]
    kept = [row async for row in place.desk.hub.store.grants.collection.find({})]
    assert "token-" not in repr([done, kept])
    assert "user-token" not in repr([done, kept])


async def test_pages_and_their_instagram_accounts_are_connected_with_the_grant(place: Place) -> None:
    desk, grant = place.desk, (await finished(place))["grant_id"]
    chosen = [("facebook", "511"), ("facebook", "514"), ("instagram", "6100")]
    for platform, account in chosen:
        status, answer = await desk.ask(
            "POST", "/channels", {"platform": platform, "external_id": account, "grant_id": grant}
        )
        assert (status, answer["data"]["health"]) == (201, "healthy")
        assert answer["data"]["expires_at"] is not None
    found = {each["external_id"]: each["id"] for each in await got(desk, "/channels")}
    secrets = [await secrets_of(desk, found[account]) for _, account in chosen]
    user = {"user_token": "long-user-token"}
    assert secrets == [
        {"access_token": "secret-page-token-1", **user},
        {"access_token": "secret-page-token-4", **user},
        {"access_token": "secret-page-token-1", **user, "login": "page", "page_id": "511"},
    ]


async def secrets_of(desk: Desk, id: Any) -> dict[str, str]:
    stored = await desk.hub.store.channels.get(desk.company.id, id)
    assert stored is not None
    assert stored.sealed is not None
    return desk.hub.vault.open(stored.id, stored.sealed)


@pytest.mark.parametrize(
    ("account", "field"), [({"external_id": "513"}, "external_id"), ({"external_id": "6100"}, "external_id")]
)
async def test_a_page_that_was_not_given_is_refused(place: Place, account: dict[str, Any], field: str) -> None:
    body = {"platform": "facebook", "grant_id": (await finished(place))["grant_id"], **account}
    assert await refusal(place.desk, "POST", "/channels", body) == Refused(422, INVALID, (field,))


async def test_a_grant_is_for_whoever_signed_in(place: Place) -> None:
    """Another company's, another person's and one that never was are told apart by nobody."""
    body = {"platform": "facebook", "external_id": "511", "grant_id": (await finished(place))["grant_id"]}
    other = await place.desk.neighbour("Other")
    colleague = await place.desk.new_key("*")
    answers = [
        await other.ask("POST", "/channels", body),
        await place.desk.ask("POST", "/channels", body, key=colleague),
        await place.desk.ask("POST", "/channels", body | {"grant_id": "never-was"}),
    ]
    for status, answer in answers:
        answer["error"].pop("request_id")
        assert (status, answer) == (422, answers[0][1])
    assert (await place.desk.ask("POST", "/channels", body))[0] == 201


async def test_a_state_is_good_once_and_for_whoever_began(place: Place) -> None:
    state = await begun(place)
    other = await place.desk.neighbour("Other")
    colleague = await place.desk.new_key("*")
    refused = Refused(422, INVALID, ("state",))
    body = {"state": state, "code": "code-1"}
    assert await refusal(other, "POST", FINISH, body) == refused
    assert await refusal(place.desk, "POST", FINISH, body, key=colleague) == refused
    assert await refusal(place.desk, "POST", FINISH, {**body, "state": "never-was"}) == refused
    assert (await place.desk.ask("POST", FINISH, body))[0] == 200
    assert await refusal(place.desk, "POST", FINISH, body) == refused


async def test_a_sign_in_ends_after_a_quarter_of_an_hour(place: Place) -> None:
    grant = (await finished(place))["grant_id"]
    state = await begun(place, "code-2")
    rows = place.desk.hub.store.grants.collection
    past = place.desk.hub.now() - timedelta(seconds=1)
    soon = place.desk.hub.now() + timedelta(minutes=15)
    assert await rows.count_documents({"expires_at": {"$gt": soon}}) == 0
    await rows.update_many({}, {"$set": {"expires_at": past}})
    assert await refusal(place.desk, "POST", FINISH, {"state": state, "code": "code-2"}) == Refused(
        422, INVALID, ("state",)
    )
    body = {"platform": "facebook", "external_id": "511", "grant_id": grant}
    assert await refusal(place.desk, "POST", "/channels", body) == Refused(422, INVALID, ("grant_id",))


async def test_a_code_that_facebook_does_not_accept_is_refused(place: Place) -> None:
    body = {"state": await begun(place), "code": "another"}
    assert await refusal(place.desk, "POST", FINISH, body) == Refused(422, INVALID, ("code",))


@pytest.mark.parametrize(
    ("path", "preset"),
    [("oauth/access_token", "http_500"), ("me/accounts", "meta_4"), ("me/accounts", "http_200_garbage")],
)
async def test_a_facebook_that_cannot_be_asked_is_said_so(place: Place, path: str, preset: str) -> None:
    place.rule(path, preset)
    body = {"state": await begun(place), "code": "code-1"}
    assert await refusal(place.desk, "POST", FINISH, body) == Refused(502, "platform_away")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (BEGIN, {}, "redirect_uri"),
        (BEGIN, {"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
        (BEGIN, {"redirect_uri": "ftp://desk.example"}, "redirect_uri"),
        (BEGIN, {"redirect_uri": 7}, "redirect_uri"),
        (BEGIN, {"redirect_uri": "https://evil.example/connected"}, "redirect_uri"),
        (BEGIN, {"redirect_uri": "https://desk.example.evil.example/"}, "redirect_uri"),
        (BEGIN, {"redirect_uri": "https://desk.example@evil.example/"}, "redirect_uri"),
        (BEGIN, {"redirect_uri": "https://desk.example:8443/"}, "redirect_uri"),
        (BEGIN, {"redirect_uri": "http://desk.example/connected"}, "redirect_uri"),
        (BEGIN, {"redirect_uri": BACK, "state": "mine"}, "state"),
        (FINISH, {"code": "c"}, "state"),
        (FINISH, {"state": "s"}, "code"),
        (FINISH, {"state": {"$ne": ""}, "code": "c"}, "state"),
        (FINISH, {"state": "s", "code": ""}, "code"),
        (FINISH, {"state": "s", "code": "x" * 2049}, "code"),
    ],
)
async def test_a_wrong_field_is_named(place: Place, path: str, body: dict[str, Any], field: str) -> None:
    assert await refusal(place.desk, "POST", path, body) == Refused(422, INVALID, (field,))


async def test_without_an_app_there_is_no_sign_in(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    async with open_desk(mongo_uri, tmp_path_factory.mktemp("no-app"), FACEBOOK_APP_ID="123") as desk:
        assert await refusal(desk, "POST", BEGIN, {"redirect_uri": BACK}) == Refused(409, "not_configured")
        assert await refusal(desk, "POST", FINISH, {"state": "s", "code": "c"}) == Refused(409, "not_configured")


@pytest.mark.parametrize("back", ["http://localhost:5173/connected", "http://127.0.0.1/x", f"{BACK}?tab=channels"])
async def test_in_development_a_page_of_this_machine_will_do(place: Place, back: str) -> None:
    assert (await place.desk.post(BEGIN, {"redirect_uri": back}))["data"]["state"]


@pytest.mark.parametrize(
    ("front_end", "back", "refused"),
    [
        ("https://desk.example/app", "https://desk.example/app/connected", None),
        ("https://desk.example/app/", "https://desk.example/app", None),
        ("https://desk.example/app", "https://desk.example/apple", Invalid),
        ("https://desk.example/app", "https://desk.example/app/../other", Invalid),
        ("https://desk.example/app", "https://desk.example/app/%2e%2e/other", Invalid),
        ("https://desk.example/app", "https://desk.example/app\\..\\other", Invalid),
        ("https://desk.example", "http://localhost:5173/connected", Invalid),
        ("http://desk.example", "http://desk.example/connected", Invalid),
        (None, "https://desk.example/connected", NotConfigured),
    ],
)
async def test_in_production_it_is_a_page_below_the_front_end(
    place: Place, front_end: str | None, back: str, refused: type[Refusal] | None
) -> None:
    strict = {"environment": Environment.PRODUCTION, "frontend_url": front_end}
    hub = replace(place.desk.hub, settings=place.desk.hub.settings.model_copy(update=strict))
    caller = await caller_with_key(place.desk.hub, place.desk.key)
    with pytest.raises(refused) if refused else nullcontext():
        assert (await begin_facebook_login(hub, caller, back))["state"]
