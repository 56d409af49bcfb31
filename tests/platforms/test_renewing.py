"""What is asked of Meta to renew a token, and what is made of its answers."""

import pytest

from app.models.failure import FailureClass, Refused
from app.platforms.facebook import Facebook
from app.platforms.instagram import Instagram
from app.platforms.meta_tokens import MetaApp
from app.platforms.network import Account
from app.platforms.telegram import Telegram
from tests.platforms.exchanges import answer, graph_error, play

APP = MetaApp("app", "shh")
PAGE = Account(external_id="P1", secrets={"access_token": "old", "user_token": "user"})
GIVEN = answer(body={"access_token": "longer", "token_type": "bearer", "expires_in": 5_183_944})
READ = answer(body={"id": "P1", "access_token": "new"})


def test_the_persons_token_is_exchanged_and_the_pages_read_with_it() -> None:
    asked, renewed = play(Facebook("https://g", "v1.0", APP).renew(PAGE), GIVEN, READ)
    assert [(each.method, each.url) for each in asked] == [
        ("GET", "https://g/v1.0/oauth/access_token"),
        ("GET", "https://g/v1.0/P1"),
    ]
    exchange, page = (each.query for each in asked)
    assert exchange == {
        "grant_type": "fb_exchange_token",
        "client_id": "app",
        "client_secret": "shh",
        "fb_exchange_token": "user",
    }
    assert page == {"fields": "access_token", "access_token": "longer"}
    assert renewed.secrets == {"access_token": "new", "user_token": "longer"}
    assert renewed.expires_in == 5_183_944


def test_without_an_app_only_the_pages_token_is_read_again() -> None:
    (asked,), renewed = play(Facebook("https://g", "v1.0").renew(PAGE), READ)
    assert asked.query == {"fields": "access_token", "access_token": "user"}
    assert (renewed.secrets["user_token"], renewed.expires_in) == ("user", None)


def test_an_instagram_account_is_renewed_by_its_page() -> None:
    account = Account(external_id="IG1", secrets={**PAGE.secrets, "login": "page", "page_id": "P1"})
    (asked,), renewed = play(Instagram("https://g", "https://ig", "v1.0").renew(account), READ)
    assert asked.url == "https://g/v1.0/P1"
    assert renewed.secrets == {**account.secrets, "access_token": "new"}


def test_an_instagram_login_is_renewed_where_it_was_made() -> None:
    account = Account(external_id="IG1", secrets={"access_token": "old", "login": "instagram"})
    (asked,), renewed = play(Instagram("https://g", "https://ig", "v1.0", APP).renew(account), GIVEN)
    assert asked.url == "https://ig/refresh_access_token"
    assert asked.query == {"grant_type": "ig_refresh_token", "access_token": "old"}
    assert renewed.secrets == {"access_token": "longer", "login": "instagram"}


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ([graph_error(190, 463)], FailureClass.AUTH),
        ([GIVEN, graph_error(190)], FailureClass.AUTH),
        ([GIVEN, graph_error(200)], FailureClass.PERMISSION),
        ([GIVEN, answer(body={"id": "P1"})], FailureClass.AUTH),
        ([graph_error(4)], FailureClass.RATE),
        ([answer(502, b"<html>")], FailureClass.TRANSIENT),
        ([answer(200, b"<html>")], FailureClass.UNCERTAIN),
    ],
)
def test_each_refusal_has_its_class(replies: list[object], kind: FailureClass) -> None:
    with pytest.raises(Refused) as refused:
        play(Facebook("https://g", "v1.0", APP).renew(PAGE), *replies)  # type: ignore[arg-type]
    assert refused.value.failure.kind is kind


@pytest.mark.parametrize(
    ("network", "account"),
    [
        (Telegram("https://t"), Account(external_id="7", secrets={"bot_token": "7:x"})),
        (Facebook("https://g", "v1.0", APP), Account(external_id="P1", secrets={"access_token": "old"})),
    ],
)
def test_where_there_is_no_way_nothing_is_asked(network: Telegram | Facebook, account: Account) -> None:
    with pytest.raises(Refused) as refused:
        play(network.renew(account))
    assert refused.value.failure.kind is FailureClass.AUTH


def test_no_secret_is_shown() -> None:
    _, renewed = play(Facebook("https://g", "v1.0", APP).renew(PAGE), GIVEN, READ)
    assert "shh" not in repr(APP)
    assert "longer" not in repr(renewed)
