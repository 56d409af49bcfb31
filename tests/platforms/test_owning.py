"""What a platform is asked to find out whose a token is, and what is made of its answers."""

from typing import Any

import pytest

from app.models.failure import FailureClass, Refused
from app.platforms.facebook import Facebook
from app.platforms.instagram import Instagram
from app.platforms.meta_tokens import MetaApp
from app.platforms.network import Account, Checked, Network
from app.platforms.telegram import Telegram
from app.platforms.whatsapp import WhatsApp
from tests.platforms.exchanges import answer, graph_error, play

APP = MetaApp("app", "shh")
FACEBOOK = Facebook("https://g", "v1.0", APP)
INSTAGRAM = Instagram("https://g", "https://ig", "v1.0", APP)
WHATSAPP = WhatsApp("https://g", "v1.0", APP)
PAGE = Account(external_id="P1", secrets={"access_token": "t"})
LOGIN = Account(external_id="IG1", secrets={"access_token": "t", "login": "instagram"})
OF_PAGE = Account(external_id="IG1", secrets={"access_token": "t", "login": "page"})
NUMBER = Account(external_id="N1", secrets={"access_token": "t"})


@pytest.mark.parametrize(
    ("network", "account", "asked", "told", "found"),
    [
        (FACEBOOK, PAGE, "https://g/v1.0/me", {"id": "P1", "name": "Shop"}, Checked(account="P1", name="Shop")),
        (FACEBOOK, PAGE, "https://g/v1.0/me", {"id": "P2", "name": "Other"}, Checked(account="P2", name="Other")),
        (FACEBOOK, PAGE, "https://g/v1.0/me", {"name": "Nobody"}, Checked(name="Nobody")),
        (
            INSTAGRAM,
            LOGIN,
            "https://ig/v1.0/me",
            {"id": "app-scoped", "user_id": "IG1", "username": "shop"},
            Checked(account="IG1", name="shop"),
        ),
        (
            INSTAGRAM,
            OF_PAGE,
            "https://g/v1.0/me",
            {"id": "P1", "instagram_business_account": {"id": "IG1", "username": "shop"}},
            Checked(account="IG1", name="shop"),
        ),
        (INSTAGRAM, OF_PAGE, "https://g/v1.0/me", {"id": "IG1"}, Checked()),
        (INSTAGRAM, OF_PAGE, "https://g/v1.0/me", {"id": "P1", "instagram_business_account": "odd"}, Checked()),
    ],
)
def test_a_token_is_asked_whose_it_is_never_what_it_may_see(
    network: Network, account: Account, asked: str, told: Any, found: Checked
) -> None:
    (request,), came = play(network.check(account), answer(body=told))
    assert (request.method, request.url) == ("GET", asked)
    assert account.external_id not in str(request)
    assert came == found


def test_a_bot_says_who_it_is() -> None:
    account = Account(external_id="7", secrets={"bot_token": "7:good", "secret_token": "s"})
    told = answer(body={"ok": True, "result": {"id": 7, "is_bot": True, "first_name": "Shop"}})
    (asked,), came = play(Telegram("https://t").check(account), told)
    assert asked.url == "https://t/bot7:good/getMe"
    assert came == Checked(account="7", name="Shop")


def scopes(*targets: object) -> Any:
    """Return an answer of `debug_token`, as Meta writes it."""
    named = [{"scope": "whatsapp_business_management", "target_ids": list(targets)}] if targets else []
    every = [{"scope": "whatsapp_business_messaging"}, {"scope": "pages_messaging", "target_ids": ["999"]}]
    return answer(body={"data": {"app_id": "app", "is_valid": True, "expires_at": 0, "granular_scopes": every + named}})


def numbers(*ids: str, after: str | None = None) -> Any:
    """Return a page of a business account's numbers."""
    paging = {"paging": {"cursors": {"after": after}, "next": "https://elsewhere.test"}} if after else {}
    return answer(body={"data": [{"id": id, "verified_name": f"Number {id}"} for id in ids], **paging})


def test_a_number_is_looked_for_in_the_businesses_that_the_token_is_for() -> None:
    replies = (scopes("11", "12"), numbers("N7"), numbers("N8", after="c1"), numbers("N9", "N1"))
    asked, came = play(WHATSAPP.check(NUMBER), *replies)
    assert came == Checked(account="N1", name="Number N1")
    assert [each.url.removeprefix("https://g/v1.0/") for each in asked] == [
        "debug_token",
        "11/phone_numbers",
        "12/phone_numbers",
        "12/phone_numbers",
    ]
    assert asked[3].query["after"] == "c1"


@pytest.mark.parametrize(
    ("replies", "came"),
    [
        ((scopes("11"), numbers("N7")), Checked()),
        ((scopes(),), Checked(missing="business_account_id")),
        ((scopes(7, "../me"),), Checked(missing="business_account_id")),
    ],
)
def test_a_number_that_no_named_business_has_is_not_proven(replies: Any, came: Checked) -> None:
    assert play(WHATSAPP.check(NUMBER), *replies)[1] == came


def test_a_business_that_is_given_is_asked_alone() -> None:
    account = Account(external_id="N1", secrets={"access_token": "t", "business_account_id": "13"})
    (asked,), came = play(WhatsApp("https://g", "v1.0").check(account), numbers("N1"))
    assert asked.url == "https://g/v1.0/13/phone_numbers"
    assert asked.headers == {"authorization": "Bearer t"}
    assert came.account == "N1"


def test_without_an_app_a_business_must_be_given() -> None:
    assert play(WhatsApp("https://g", "v1.0").check(NUMBER)) == ([], Checked(missing="business_account_id"))


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ((answer(body={"data": {"is_valid": False, "error": {"code": 190}}}),), FailureClass.AUTH),
        ((graph_error(4),), FailureClass.RATE),
        ((scopes("11"), graph_error(190)), FailureClass.AUTH),
        ((scopes("11"), graph_error(100, 33)), FailureClass.CONTENT),
        ((scopes("11"), answer(502, b"<html>")), FailureClass.TRANSIENT),
    ],
)
def test_each_refusal_has_its_class(replies: Any, kind: FailureClass) -> None:
    with pytest.raises(Refused) as refused:
        play(WHATSAPP.check(NUMBER), *replies)
    assert refused.value.failure.kind is kind
