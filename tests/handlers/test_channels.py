"""Accounts over REST: connected, looked at, paused, disconnected, and never a credential shown."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from app.access import caller_with_key
from app.actions.check_channel import check_channel
from app.actions.connect_channel import NewChannel, connect_channel
from app.actions.point_webhooks import point_webhooks
from app.actions.read_inbox import list_channels, read_channel
from app.errors import Invalid
from app.hub import Hub
from app.models.channel import Channel
from app.models.contact import Platform
from app.models.people import Scope
from app.settings_values import Environment
from tests.delivery.shop import Shop
from tests.desk import Desk
from tests.fake_platforms.state import Token, whatsapp_token
from tests.handlers.accounts import BODIES, PUBLIC, SECRETS, Place, body, connected, open_place
from tests.handlers.asking import NOWHERE, Refused, changed, got, head_of, missing, refusal, walked

pytestmark = pytest.mark.asyncio(loop_scope="session")

INVALID = "validation_failed"
OF_SETTINGS = ("webhook_url", "warnings")  # they follow from the settings, which the log does not know
SANDBOX = {"platform": "sandbox"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_place(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A server whose platforms are the fake ones."""
    async with open_place(mongo_uri, tmp_path_factory.mktemp("channels")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def place(whole_place: Place) -> AsyncIterator[Place]:
    """A fresh company there; afterwards its accounts are free again."""
    whole_place.forget()
    desk = await whole_place.desk.neighbour("Acme")
    yield Place(desk, whole_place.fake)
    for channel in await got(desk, "/channels"):
        if channel["platform"] != "web":
            await changed(desk, f"/channels/{channel['id']}", None, method="DELETE")


@pytest_asyncio.fixture(loop_scope="session")
async def desk(place: Place) -> Desk:
    return place.desk


async def act(desk: Desk, channel: dict[str, Any], verb: str = "", method: str = "POST", **more: Any) -> dict[str, Any]:
    """Do something with a channel."""
    path = f"/channels/{channel['id']}{verb}"
    data: dict[str, Any] = await changed(desk, path, more.pop("body", None), method=method, **more)
    return data


async def log_of(desk: Desk) -> list[dict[str, Any]]:
    """Return what the company's clients were told of its channels."""
    events = (await desk.changes())["events"]
    return [event for event in events if event["type"] == "channel:updated"]


@pytest.mark.parametrize(
    ("platform", "account", "hook"),
    [
        ("facebook", "1001", "/facebook"),
        ("instagram", "2001", "/instagram"),
        ("whatsapp", "3001", "/whatsapp"),
        ("telegram", "4001", "/telegram/{id}"),
    ],
)
async def test_an_account_is_connected_and_found(desk: Desk, platform: str, account: str, hook: str) -> None:
    status, answer = await desk.ask("POST", "/channels", body(platform, name="Main"))
    assert status == 201
    channel = answer["data"]
    assert (channel["platform"], channel["name"], channel["external_id"]) == (platform, "Main", account)
    assert (channel["health"], channel["main"]) == ("healthy", True)
    assert channel["webhook_url"] == f"{PUBLIC}/api/v1/webhooks{hook}".format(id=channel["id"])
    assert await got(desk, f"/channels/{channel['id']}") == channel
    assert channel["warnings"] == []
    *before, said = [event["channel"] for event in await log_of(desk)]
    assert said == {name: value for name, value in channel.items() if name not in OF_SETTINGS}
    assert [each["health"] for each in before] == (["unchecked"] if platform == "telegram" else [])


async def test_without_a_name_it_has_the_one_that_the_platform_tells(desk: Desk) -> None:
    names = [(await connected(desk, platform))["name"] for platform in BODIES]
    assert names == ["Page 1001", "user-2001", "Number 3001", "Bot 4001"]
    assert (await connected(desk, "sandbox"))["name"] == "Sandbox"


async def test_channels_come_newest_first_page_by_page_and_only_what_is_connected(desk: Desk) -> None:
    made = [(await connected(desk, "sandbox"))["id"] for _ in range(4)]
    await act(desk, {"id": made[1]}, method="DELETE")
    web = next(each["id"] for each in await got(desk, "/channels") if each["platform"] == "web")
    pages = await walked(desk, "/channels?limit=2")
    assert [[each["id"] for each in page] for page in pages] == [[made[3], made[2]], [made[0], web]]


async def test_a_bot_is_told_where_to_call_with_a_secret_of_its_own(place: Place) -> None:
    without = {"credentials": {"bot_token": "4001:bot-tok-1"}}
    channel = await connected(place.desk, "telegram", **without)
    told = place.fake.state.webhooks["4001:bot-tok-1"]
    assert told["url"] == channel["webhook_url"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{32,}", told["secret_token"])
    assert "message" in told["allowed_updates"]
    hook = f"{place.desk.base}/api/v1/webhooks/telegram/{channel['id']}"
    for secret, status in ((told["secret_token"], 200), ("wrong", 401)):
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with place.desk.http.post(hook, json={"update_id": 1}, headers=headers) as response:
            assert response.status == status


@pytest.mark.parametrize(("preset", "health"), [("http_500", "paused"), ("tg_409", "paused")])
async def test_a_webhook_that_cannot_be_set_pauses_the_channel_until_it_is_resumed(
    place: Place, preset: str, health: str
) -> None:
    place.rule("setWebhook", preset, times=1)
    channel = await connected(place.desk, "telegram")
    assert channel["health"] == health
    assert "webhook" in channel["health_reason"]
    assert (await act(place.desk, channel, "/resume"))["health"] == "healthy"
    assert place.fake.state.webhooks


async def test_the_same_key_twice_connects_once(desk: Desk) -> None:
    headers = {"Idempotency-Key": "page-1"}
    first, again = [await desk.ask("POST", "/channels", body("facebook"), headers=headers) for _ in range(2)]
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    other = body("facebook", name="Another name")
    assert await refusal(desk, "POST", "/channels", other, headers=headers) == Refused(409, "idempotency_conflict")


async def test_an_account_is_connected_once_and_nobody_learns_where(desk: Desk, whole_place: Place) -> None:
    channel = await connected(desk, "facebook")
    assert await refusal(desk, "POST", "/channels", body("facebook")) == Refused(409, "already_connected")
    other = await whole_place.desk.neighbour("Other")
    _, answer = await other.ask("POST", "/channels", body("facebook"))
    assert answer["error"]["code"] == "not_connectable"
    assert answer["error"]["message"] == "This account cannot be connected here."
    await act(desk, channel, method="DELETE")
    theirs = await connected(other, "facebook")
    await act(other, theirs, method="DELETE")


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"platform": "web"}, ("platform",)),
        ({"platform": "other"}, ("platform",)),
        ({"platform": "myspace"}, ("platform",)),
        ({"external_id": None}, ("external_id",)),
        ({"external_id": "../../me"}, ("external_id",)),
        ({"external_id": 7}, ("external_id",)),
        ({"name": " "}, ("name",)),
        ({"name": "x" * 201}, ("name",)),
        ({"colour": "red"}, ("colour",)),
        ({"credentials": None}, ("credentials.access_token",)),
        ({"credentials": {}}, ("credentials.access_token",)),
        ({"credentials": {"user_token": "u"}}, ("credentials.access_token",)),
        ({"credentials": "page-tok-1"}, ("credentials",)),
        ({"credentials": {"access_token": 7}}, ("credentials.access_token",)),
        ({"credentials": {"access_token": ""}}, ("credentials.access_token",)),
        ({"credentials": {"access_token": "a b"}}, ("credentials.access_token",)),
        ({"credentials": {"access_token": "a\r\nX-Evil: 1"}}, ("credentials.access_token",)),
        ({"credentials": {"access_token": "x" * 4097}}, ("credentials.access_token",)),
        ({"credentials": {"access_token": "t", "bot_token": "b"}}, ("credentials.bot_token",)),
        ({"credentials": {"access_token": "t", "page tok 1": "b"}}, ("credentials",)),
        ({"credentials": {f"k{n}": "v" for n in range(11)}}, ("credentials",)),
        ({"grant_id": "g"}, ("",)),
        ({"credentials": {"access_token": "garbage"}}, ("credentials.access_token",)),
    ],
)
async def test_a_wrong_connection_is_refused_with_its_field(
    desk: Desk, wrong: dict[str, Any], fields: tuple[str, ...]
) -> None:
    before = await head_of(desk)
    assert await refusal(desk, "POST", "/channels", body("facebook") | wrong) == Refused(422, INVALID, fields)
    assert await head_of(desk) == before


@pytest.mark.parametrize(
    ("platform", "more", "fields"),
    [
        ("telegram", {"credentials": {"bot_token": "no colon"}}, ("credentials.bot_token",)),
        ("telegram", {"credentials": {"bot_token": "1:x/../y"}}, ("credentials.bot_token",)),
        ("telegram", {"credentials": {"bot_token": "4001:garbage"}}, ("credentials.bot_token",)),
        (
            "telegram",
            {"credentials": {"bot_token": "4001:bot-tok-1", "secret_token": "a b"}},
            ("credentials.secret_token",),
        ),
        ("telegram", {"external_id": "4002"}, ("external_id",)),
        ("telegram", {"credentials": None, "grant_id": "g", "external_id": "4001"}, ("grant_id",)),
        ("instagram", {"credentials": {"access_token": "insta-tok-1"}}, ("credentials.login",)),
        ("instagram", {"credentials": {"access_token": "t", "login": "both"}}, ("credentials.login",)),
        ("instagram", {"credentials": {"access_token": "garbage", "login": "page"}}, ("credentials.access_token",)),
        ("whatsapp", {"credentials": {"access_token": "garbage"}}, ("credentials.access_token",)),
        ("whatsapp", {"external_id": None}, ("external_id",)),
        ("sandbox", {"credentials": {"access_token": "t"}}, ("credentials.access_token",)),
        ("facebook", {"credentials": None, "grant_id": "g"}, ("grant_id",)),
        ("facebook", {"credentials": None, "grant_id": "g", "external_id": None}, ("external_id",)),
    ],
)
async def test_each_platform_wants_its_own_credentials(
    desk: Desk, platform: str, more: dict[str, Any], fields: tuple[str, ...]
) -> None:
    before = await head_of(desk)
    assert await refusal(desk, "POST", "/channels", body(platform, **more)) == Refused(422, INVALID, fields)
    assert await head_of(desk) == before


@pytest.mark.parametrize("preset", ["http_500", "meta_4", "http_200_garbage", "http_502_html"])
async def test_nothing_is_connected_while_the_platform_cannot_say_whose_it_is(place: Place, preset: str) -> None:
    place.rule("/me", preset, times=1)
    before = await head_of(place.desk)
    assert await refusal(place.desk, "POST", "/channels", body("facebook")) == Refused(502, "platform_away")
    assert await head_of(place.desk) == before
    assert (await connected(place.desk, "facebook"))["health"] == "healthy"


async def test_new_credentials_wait_until_the_platform_can_say_whose_they_are(place: Place) -> None:
    channel = await connected(place.desk, "facebook")
    place.rule("/me", "http_500", times=1)
    edit = {"credentials": {"access_token": "page-tok-1"}}
    assert await refusal(place.desk, "PATCH", f"/channels/{channel['id']}", edit) == Refused(502, "platform_away")
    assert await got(place.desk, f"/channels/{channel['id']}") == channel


async def test_a_token_that_may_not_say_whose_it_is_is_refused(place: Place) -> None:
    place.rule("/me", "meta_10")
    refused = Refused(422, INVALID, ("credentials.access_token",))
    assert await refusal(place.desk, "POST", "/channels", body("facebook")) == refused


OTHERS = {
    "facebook": {"access_token": "page-tok-9"},
    "instagram": {"access_token": "insta-tok-9", "login": "instagram"},
    "whatsapp": {"access_token": "whats-tok-9"},
}


def know_others(place: Place) -> None:
    """Let the platforms know a page, an account and a number of somebody else, and their valid tokens."""
    place.fake.state.tokens |= {
        "page-tok-9": Token(account="1009"),
        "insta-tok-9": Token(account="2009"),
        "whats-tok-9": whatsapp_token("3009", "9009"),
    }


@pytest.mark.parametrize(
    ("platform", "credentials"),
    [
        *OTHERS.items(),
        ("facebook", {"access_token": "user-tok-1"}),
        ("instagram", OTHERS["facebook"] | {"login": "page"}),
    ],
)
async def test_an_account_is_given_to_nobody_whose_token_is_not_its_own(
    place: Place, platform: str, credentials: dict[str, str]
) -> None:
    know_others(place)
    before = await head_of(place.desk)
    refused = Refused(409, "not_connectable", ("external_id",))
    assert await refusal(place.desk, "POST", "/channels", body(platform, credentials=credentials)) == refused
    assert await head_of(place.desk) == before


@pytest.mark.parametrize("platform", OTHERS)
async def test_new_credentials_of_another_account_change_nothing(place: Place, platform: str) -> None:
    know_others(place)
    channel = await connected(place.desk, platform)
    path, edit = f"/channels/{channel['id']}", {"credentials": OTHERS[platform]}
    refused = Refused(409, "not_connectable", ("external_id",))
    assert await refusal(place.desk, "PATCH", path, edit) == refused
    assert await got(place.desk, path) == channel
    assert (await secrets_of(place.desk, channel))["access_token"] == BODIES[platform]["credentials"]["access_token"]


async def test_an_instagram_account_is_connected_with_the_token_of_its_own_page(place: Place) -> None:
    linked = {"id": "2001", "username": "shop"}
    place.fake.state.pages = [{"id": "1001", "name": "Page", "instagram_business_account": linked}]
    credentials = {"access_token": "page-tok-1", "login": "page"}
    channel = await connected(place.desk, "instagram", credentials=credentials)
    assert (channel["external_id"], channel["name"], channel["health"]) == ("2001", "shop", "healthy")


async def test_a_number_is_found_among_all_of_a_business(place: Place) -> None:
    numbers = ["3007", "3008", "3006", "3001"]
    place.fake.state.tokens["whats-tok-1"] = Token(businesses={"9009": ["3009"], "9001": numbers})
    assert (await connected(place.desk, "whatsapp"))["name"] == "Number 3001"


async def test_a_token_for_all_businesses_needs_the_name_of_one(place: Place) -> None:
    place.fake.state.tokens["whats-tok-1"] = whatsapp_token("3001", names_businesses=False)
    refused = Refused(422, INVALID, ("credentials.business_account_id",))
    assert await refusal(place.desk, "POST", "/channels", body("whatsapp")) == refused
    named = {"access_token": "whats-tok-1", "business_account_id": "9001"}
    elsewhere = body("whatsapp", credentials=named | {"business_account_id": "9009"})
    refused = Refused(422, INVALID, ("credentials.access_token",))
    assert await refusal(place.desk, "POST", "/channels", elsewhere) == refused
    assert (await connected(place.desk, "whatsapp", credentials=named))["health"] == "healthy"


async def test_a_channel_whose_credentials_are_anothers_needs_its_own(place: Place) -> None:
    channel = await connected(place.desk, "facebook")
    place.fake.state.tokens["page-tok-1"] = Token(account="1009")
    told = await act(place.desk, channel, "/test")
    assert (told["ok"], told["class"], told["code"], told["health"]) == (False, "auth", "other_account", "needs_reauth")
    assert await refusal(place.desk, "POST", f"/channels/{channel['id']}/resume") == Refused(409, "sign_in_refused")


async def test_new_credentials_connect_a_channel_again_and_the_others_stay(place: Place) -> None:
    channel = await connected(place.desk, "facebook")
    place.revoke("page-tok-1")
    assert (await act(place.desk, channel, "/test"))["health"] == "needs_reauth"
    place.fake.state.tokens["page-tok-2"] = Token(account="1001")
    edit = {"name": "Renamed", "credentials": {"access_token": "page-tok-2"}}
    after = await act(place.desk, channel, method="PATCH", body=edit)
    assert (after["name"], after["health"], after["health_reason"]) == ("Renamed", "healthy", None)
    assert await secrets_of(place.desk, channel) == {"access_token": "page-tok-2", "user_token": "user-tok-1"}
    assert len(await log_of(place.desk)) == 3


async def secrets_of(desk: Desk, channel: dict[str, Any]) -> dict[str, str]:
    stored = await desk.hub.store.channels.get(desk.company.id, channel["id"])
    assert stored is not None
    assert stored.sealed is not None
    return desk.hub.vault.open(stored.id, stored.sealed)


@pytest.mark.parametrize(
    ("platform", "credentials", "field"),
    [
        ("facebook", {"access_token": "garbage"}, "credentials.access_token"),
        ("facebook", {"colour": "red"}, "credentials.colour"),
        ("telegram", {"bot_token": "4002:other"}, "credentials.bot_token"),
        ("sandbox", {"access_token": "t"}, "credentials.access_token"),
    ],
)
async def test_wrong_new_credentials_change_nothing(
    desk: Desk, platform: str, credentials: dict[str, str], field: str
) -> None:
    path = f"/channels/{(await connected(desk, platform))['id']}"
    before = await got(desk, path)
    assert await refusal(desk, "PATCH", path, {"credentials": credentials}) == Refused(422, INVALID, (field,))
    assert await got(desk, path) == before


async def test_an_edit_that_changes_nothing_says_nothing(desk: Desk) -> None:
    channel = await connected(desk, "sandbox")
    assert await act(desk, channel, method="PATCH", body={"name": channel["name"]}) == channel
    assert await act(desk, channel, method="PATCH", body={}) == channel


async def test_a_paused_channel_stays_so_until_a_person_resumes_it(place: Place) -> None:
    desk = place.desk
    channel = await connected(desk, "facebook")
    paused = await act(desk, channel, "/pause")
    assert (paused["health"], paused["health_reason"]) == ("paused", "Paused by bot.")
    assert await act(desk, channel, "/pause") == paused
    assert await act(desk, channel, "/test") == {"ok": True, "health": "paused", "warnings": []}
    resumed = await act(desk, channel, "/resume")
    assert (resumed["health"], resumed["health_reason"]) == ("healthy", None)
    assert await act(desk, channel, "/resume") == resumed
    assert [event["channel"]["health"] for event in await log_of(desk)] == ["healthy", "paused", "healthy"]


@pytest.mark.parametrize("verb", ["/pause", "/resume"])
async def test_the_same_key_twice_stops_or_starts_once(desk: Desk, verb: str) -> None:
    channel = await connected(desk, "sandbox")
    if verb == "/resume":
        await act(desk, channel, "/pause")
    headers = {"Idempotency-Key": "once"}
    first = await act(desk, channel, verb, headers=headers)
    await act(desk, channel, "/resume" if verb == "/pause" else "/pause")
    head = await head_of(desk)
    assert await act(desk, channel, verb, headers=headers) == first
    assert await head_of(desk) == head


async def test_a_channel_is_asked_about(place: Place) -> None:
    channel = await connected(place.desk, "facebook")
    assert await act(place.desk, channel, "/test") == {"ok": True, "health": "healthy", "warnings": []}
    place.rule("/me", "meta_4", times=1)
    told = await act(place.desk, channel, "/test")
    assert (told["ok"], told["class"], told["code"], told["health"]) == (False, "rate", "4", "healthy")
    assert told["reason"]
    place.rule("/me", "http_200_garbage", times=1)
    assert (await act(place.desk, channel, "/test"))["class"] == "transient"
    place.revoke("page-tok-1")
    told = await act(place.desk, channel, "/test")
    assert (told["ok"], told["class"], told["health"]) == (False, "auth", "needs_reauth")
    place.forget()
    assert await act(place.desk, channel, "/test") == {"ok": True, "health": "healthy", "warnings": []}


async def test_what_was_cut_off_resumes_only_when_the_platform_accepts_it(place: Place) -> None:
    channel = await connected(place.desk, "whatsapp")
    place.revoke("whats-tok-1")
    await act(place.desk, channel, "/test")
    path = f"/channels/{channel['id']}/resume"
    assert await refusal(place.desk, "POST", path) == Refused(409, "sign_in_refused")
    place.rule("/debug_token", "http_500", times=1)
    assert await refusal(place.desk, "POST", path) == Refused(502, "platform_away")
    place.forget()
    assert (await act(place.desk, channel, "/resume"))["health"] == "healthy"


async def test_a_disconnected_account_leaves_its_history_and_no_credentials(desk: Desk) -> None:
    channel = await connected(desk, "facebook")
    gone = await act(desk, channel, method="DELETE")
    assert gone["disconnected_at"]
    assert gone["external_id"] == "1001"
    assert await act(desk, channel, method="DELETE") == gone == await got(desk, f"/channels/{channel['id']}")
    stored = await desk.hub.store.channels.collection.find_one({"former_external_id": "1001", "main": False})
    assert stored is not None
    assert not {"sealed", "external_id"} & stored.keys()
    for verb, method in (("", "PATCH"), ("/test", "POST"), ("/pause", "POST"), ("/resume", "POST")):
        refused = await refusal(desk, method, f"/channels/{channel['id']}{verb}", {} if method == "PATCH" else None)
        assert refused == Refused(409, "not_connected")
    assert (await connected(desk, "facebook"))["id"] == channel["id"]


async def test_the_oldest_other_channel_becomes_the_main_one(desk: Desk) -> None:
    first, second, third = [await connected(desk, "sandbox") for _ in range(3)]
    assert [each["main"] for each in (first, second, third)] == [True, False, False]
    await act(desk, first, method="DELETE")
    mains = {each["id"]: each["main"] for each in await got(desk, "/channels") if each["platform"] == "sandbox"}
    assert mains == {second["id"]: True, third["id"]: False}
    assert [(event["channel"]["id"], event["channel"]["main"]) for event in (await log_of(desk))[-2:]] == [
        (first["id"], False),
        (second["id"], True),
    ]
    await act(desk, second, method="DELETE")
    await act(desk, third, method="DELETE")
    assert (await connected(desk, "sandbox"))["main"]


async def test_the_web_channel_is_part_of_the_company(desk: Desk) -> None:
    (web,) = await got(desk, "/channels")
    assert await refusal(desk, "DELETE", f"/channels/{web['id']}") == Refused(409, "built_in")
    assert await refusal(desk, "POST", f"/channels/{web['id']}/pause") == Refused(409, "built_in")
    assert await act(desk, web, "/test") == {"ok": True, "health": "healthy", "warnings": []}
    assert (await act(desk, web, method="PATCH", body={"name": "Our shop"}))["name"] == "Our shop"
    refused = await refusal(desk, "PATCH", f"/channels/{web['id']}", {"credentials": {}})
    assert refused == Refused(422, INVALID, ("credentials",))


async def test_what_waits_goes_on_when_its_channel_is_resumed_and_fails_when_it_is_gone(place: Place) -> None:
    desk = place.desk
    channel = await connected(desk, "sandbox")
    shop = Shop(desk, place.fake, {Platform.SANDBOX: channel["id"]})
    customer = await shop.customer(Platform.SANDBOX)
    await act(desk, channel, "/pause")
    message = await shop.reply(customer, Platform.SANDBOX)
    assert (await shop.delivery(message))["state"] == "queued"
    await act(desk, channel, "/resume")
    assert (await shop.outcome(message, within=5))["state"] == "sent"
    await act(desk, channel, "/pause")
    message = await shop.reply(customer, Platform.SANDBOX, "Still there?")
    await act(desk, channel, method="DELETE")
    assert (await shop.outcome(message, within=5))["state"] == "failed"


async def test_who_may(desk: Desk) -> None:
    channel = await connected(desk, "sandbox")
    reader = await desk.new_key(Scope.CHANNELS_READ)
    assert (await desk.ask("GET", "/channels", key=reader))[0] == 200
    for method, path in (
        ("POST", "/channels"),
        ("PATCH", f"/channels/{channel['id']}"),
        ("DELETE", f"/channels/{channel['id']}"),
        *(("POST", f"/channels/{channel['id']}/{verb}") for verb in ("test", "pause", "resume")),
        ("POST", "/channels/facebook/oauth"),
        ("POST", "/channels/facebook/oauth/finish"),
    ):
        assert await refusal(desk, method, path, SANDBOX, key=reader) == Refused(403, "forbidden")
    nothing = await desk.new_key(Scope.MESSAGES_READ)
    assert await refusal(desk, "GET", "/channels", key=nothing) == Refused(403, "forbidden")


@pytest.mark.parametrize("verb", ["", "/test", "/pause", "/resume"])
async def test_what_is_not_there_is_missing(desk: Desk, verb: str) -> None:
    method = "POST" if verb else "DELETE"
    assert await refusal(desk, method, f"/channels/{NOWHERE}{verb}") == missing("channel_id")
    assert await refusal(desk, method, f"/channels/facebook{verb}") == missing()


async def test_no_credential_is_shown_said_logged_or_kept_in_the_clear(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = place.desk
    answers: list[Any] = []
    for platform in BODIES:
        channel = await connected(desk, platform)
        answers.append(channel)
        credentials = BODIES[platform]["credentials"]
        answers.append(await act(desk, channel, method="PATCH", body={"credentials": credentials}))
        answers += [await act(desk, channel, f"/{verb}") for verb in ("pause", "resume", "test")]
        answers.append(await desk.ask("POST", "/channels", body(platform)))
        answers.append(await desk.ask("POST", "/channels", body(platform, colour="red")))
    place.revoke(*SECRETS)
    for platform in BODIES:
        answers.append(await desk.ask("POST", "/channels", body(platform)))
    answers += await got(desk, "/channels")
    stored = [each async for each in all_stored(desk)]
    said = repr([answers, await log_of(desk), stored, await entities(desk), capsys.readouterr()])
    assert "sealed" in said
    assert not [secret for secret in SECRETS if secret in said]


async def all_stored(desk: Desk) -> AsyncIterator[Any]:
    database = desk.hub.store.database
    for name in await database.list_collection_names():
        async for document in database[name].find():
            yield document


async def entities(desk: Desk) -> list[Channel]:
    return await desk.hub.store.channels.connected(desk.company.id, before=None, limit=100)


async def test_the_sandbox_is_not_for_production(desk: Desk) -> None:
    strict = replace(desk.hub, settings=desk.hub.settings.model_copy(update={"environment": Environment.PRODUCTION}))
    caller = await caller_with_key(desk.hub, desk.key)
    with pytest.raises(Invalid) as refused:
        await connect_channel(strict, caller, NewChannel(platform=Platform.SANDBOX))
    assert [detail.field for detail in refused.value.details] == ["platform"]


def with_settings(place: Place, **changed: Any) -> Hub:
    """Return the server's hub as it is after a restart with other settings."""
    return replace(place.desk.hub, settings=place.desk.hub.settings.model_copy(update=changed))


async def test_without_a_public_address_the_path_alone_is_known_and_no_bot_is_told(place: Place) -> None:
    hub = with_settings(place, public_url=None)
    caller = await caller_with_key(hub, place.desk.key)
    credentials = BODIES["telegram"]["credentials"]
    done = await connect_channel(hub, caller, NewChannel(platform=Platform.TELEGRAM, credentials=credentials))
    shown = await read_channel(hub, caller, done.view["id"])
    assert shown["webhook_url"] == f"/api/v1/webhooks/telegram/{done.view['id']}"
    assert not place.fake.state.webhooks
    assert (await connected(place.desk, "sandbox"))["webhook_url"] is None


@pytest.mark.parametrize(
    ("platform", "changed", "setting"),
    [
        ("telegram", {"public_url": None}, "PUBLIC_URL"),
        ("telegram", {"public_url": "http://chat.acme.test"}, "https"),
        ("facebook", {"facebook_app_secret": None}, "FACEBOOK_APP_SECRET"),
        ("whatsapp", {"meta_verify_token": None}, "META_VERIFY_TOKEN"),
    ],
)
async def test_a_channel_that_cannot_hear_is_not_healthy_and_says_what_is_missing(
    place: Place, platform: str, changed: dict[str, Any], setting: str
) -> None:
    hub = with_settings(place, **changed)
    caller = await caller_with_key(hub, place.desk.key)
    given = BODIES[platform]
    new = NewChannel(
        platform=Platform(platform), external_id=given.get("external_id"), credentials=given["credentials"]
    )
    done = await connect_channel(hub, caller, new)
    shown = await read_channel(hub, caller, done.view["id"])
    assert (shown["health"], shown["health_reason"]) == ("unchecked", shown["warnings"][0])
    assert setting in shown["warnings"][0]
    told = await check_channel(hub, caller, done.view["id"])
    assert (told["ok"], told["health"], told["warnings"]) == (False, "unchecked", shown["warnings"])
    stored = await hub.store.channels.get(place.desk.company.id, done.view["id"])
    assert stored is not None
    assert stored.can_send, "what is missing is needed for hearing alone"
    assert await act(place.desk, shown, "/test") == {"ok": True, "health": "healthy", "warnings": []}
    assert (await got(place.desk, f"/channels/{shown['id']}"))["warnings"] == []


async def test_the_webhooks_address_is_that_of_today(place: Place) -> None:
    channel = await connected(place.desk, "facebook")
    hub = with_settings(place, public_url="https://moved.acme.test")
    caller = await caller_with_key(hub, place.desk.key)
    assert (await read_channel(hub, caller, channel["id"]))["webhook_url"].startswith("https://moved.acme.test/")
    found, _ = await list_channels(hub, caller, before=None, limit=50)
    assert {each["webhook_url"] for each in found} == {None, "https://moved.acme.test/api/v1/webhooks/facebook"}


async def test_a_bot_is_told_when_the_server_has_moved(place: Place) -> None:
    channel = await connected(place.desk, "telegram")
    hub = with_settings(place, public_url="https://moved.acme.test")
    caller = await caller_with_key(hub, place.desk.key)
    assert "test the channel" in (await read_channel(hub, caller, channel["id"]))["warnings"][0]
    assert await point_webhooks(hub) == 1
    told = place.fake.state.webhooks["4001:bot-tok-1"]
    assert told["url"] == f"https://moved.acme.test/api/v1/webhooks/telegram/{channel['id']}"
    assert told["secret_token"] == "hook-secret-1"
    after = await read_channel(hub, caller, channel["id"])
    assert (after["health"], after["warnings"]) == ("healthy", [])
    assert await point_webhooks(hub) == 0
    assert (await act(place.desk, channel, "/test"))["ok"], "a test tells it as well"
    assert place.fake.state.webhooks["4001:bot-tok-1"]["url"] == channel["webhook_url"]


async def test_a_bot_that_cannot_be_told_goes_on_and_is_told_the_next_time(place: Place) -> None:
    channel = await connected(place.desk, "telegram")
    hub = with_settings(place, public_url="https://moved.acme.test")
    place.rule("setWebhook", "http_500", times=1)
    assert await point_webhooks(hub) == 0
    assert (await got(place.desk, f"/channels/{channel['id']}"))["health"] == "healthy"
    assert await point_webhooks(hub) == 1


async def test_a_credential_of_the_wrong_form_is_shown_the_right_one(desk: Desk) -> None:
    _, answer = await desk.ask("POST", "/channels", {"platform": "telegram", "credentials": {"bot_token": "…"}})
    assert [each["message"] for each in answer["error"]["details"]] == ["A bot token looks like 123456789:AA…"]
