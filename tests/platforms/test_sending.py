"""Each platform is asked as its documentation wants it, and its answer is understood."""

from typing import Any

import pytest

from app.models.contact import Platform
from app.models.failure import FailureClass, Refused
from app.models.message import Attachment
from app.models.sign import Sign
from app.platforms.facebook import Facebook
from app.platforms.instagram import Instagram
from app.platforms.meta_bot import MetaBot
from app.platforms.network import Account, Limits, Network, Piece, pieces_of
from app.platforms.splitting import Unit
from app.platforms.telegram import Telegram
from app.platforms.whatsapp import WhatsApp
from tests.platforms.exchanges import answer, graph_error, play

GRAPH, OWN, TELEGRAM = "https://graph.test", "https://ig.test", "https://telegram.test"
FACEBOOK, INSTAGRAM = Facebook(GRAPH, "v25.0"), Instagram(GRAPH, OWN, "v25.0")
WHATSAPP, BOT = WhatsApp(GRAPH, "v25.0"), Telegram(TELEGRAM)
PAGE = Account(external_id="PAGE", secrets={"access_token": "page-token"})
OWN_LOGIN = Account(external_id="IG", secrets={"access_token": "ig-token", "login": "instagram"})
NUMBER = Account(external_id="PNID", secrets={"access_token": "wa-token"})
ROBOT = Account(external_id="7", secrets={"bot_token": "7:abc"})
HELLO = Piece(to="P1", text="Hello", our_id="m1")
PICTURE = Attachment(type="image/png", url="https://files.test/a.png")
SENT = {"recipient_id": "P1", "message_id": "m_1"}


def test_messenger_is_sent_a_text_that_its_echo_will_name() -> None:
    (request,), id = play(FACEBOOK.send(PAGE, HELLO), answer(200, SENT))
    assert (request.method, request.url) == ("POST", f"{GRAPH}/v25.0/me/messages")
    assert request.query == {"access_token": "page-token"}
    assert request.body == {
        "recipient": {"id": "P1"},
        "messaging_type": "RESPONSE",
        "message": {"text": "Hello", "metadata": "m1"},
    }
    assert id == "m_1"


def test_a_person_may_ask_for_the_longer_window_and_quote() -> None:
    piece = Piece(to="P1", text="Hi", human_agent=True, reply_to="m_0")
    (request,), _ = play(FACEBOOK.send(PAGE, piece), answer(200, SENT))
    assert request.body == {
        "recipient": {"id": "P1"},
        "messaging_type": "MESSAGE_TAG",
        "tag": "HUMAN_AGENT",
        "message": {"text": "Hi"},
        "reply_to": {"mid": "m_0"},
    }


def test_instagram_is_sent_by_the_page_or_by_its_own_login() -> None:
    (by_page,), _ = play(INSTAGRAM.send(PAGE, HELLO), answer(200, SENT))
    (by_login,), _ = play(INSTAGRAM.send(OWN_LOGIN, HELLO), answer(200, SENT))
    assert by_page.url == f"{GRAPH}/v25.0/me/messages"
    assert by_page.query == {"access_token": "page-token"}
    assert by_login.url == f"{OWN}/v25.0/me/messages"
    assert by_login.headers == {"authorization": "Bearer ig-token"}
    assert by_login.body == {"recipient": {"id": "P1"}, "message": {"text": "Hello"}}


def test_a_person_has_the_longer_window_on_instagram_too() -> None:
    (request,), _ = play(INSTAGRAM.send(PAGE, Piece(to="P1", text="Hi", human_agent=True)), answer(200, SENT))
    assert request.body
    assert {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}.items() <= request.body.items()


@pytest.mark.parametrize("network", [FACEBOOK, INSTAGRAM])
def test_meta_takes_files_by_their_address(network: Network) -> None:
    (request,), _ = play(network.send(PAGE, Piece(to="P1", attachment=PICTURE)), answer(200, SENT))
    assert request.body
    link = {"type": "image", "payload": {"url": "https://files.test/a.png"}}
    assert request.body["message"] == {"attachment": link}


def test_whatsapp_is_sent_a_text_that_its_status_will_name() -> None:
    answered = {"messaging_product": "whatsapp", "messages": [{"id": "wamid.1", "message_status": "accepted"}]}
    piece = Piece(to="1650", text="Hello", our_id="m1", reply_to="wamid.0")
    (request,), id = play(WHATSAPP.send(NUMBER, piece), answer(200, answered))
    assert request.url == f"{GRAPH}/v25.0/PNID/messages"
    assert request.headers == {"authorization": "Bearer wa-token"}
    assert request.body == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "1650",
        "type": "text",
        "text": {"body": "Hello", "preview_url": False},
        "context": {"message_id": "wamid.0"},
        "biz_opaque_callback_data": "m1",
    }
    assert id == "wamid.1"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image", {"type": "image", "image": {"link": "https://f.test/x", "caption": "See"}}),
        ("application/pdf", {"type": "document", "document": {"link": "https://f.test/x", "caption": "See"}}),
        ("audio", {"type": "audio", "audio": {"link": "https://f.test/x"}}),
    ],
)
def test_whatsapp_takes_captions_where_it_shows_them(kind: str, content: dict[str, Any]) -> None:
    piece = Piece(to="1650", text="See", attachment=Attachment(type=kind, url="https://f.test/x"))
    (request,), _ = play(WHATSAPP.send(NUMBER, piece), answer(200, {"messages": [{"id": "wamid.1"}]}))
    assert request.body
    assert content.items() <= request.body.items()


def test_telegram_is_sent_a_text_and_its_id_names_the_chat() -> None:
    piece = Piece(to="3", text="Hello", reply_to="3:6")
    (request,), id = play(BOT.send(ROBOT, piece), answer(200, {"ok": True, "result": {"message_id": 7}}))
    assert request.url == f"{TELEGRAM}/bot7:abc/sendMessage"
    assert request.body == {
        "chat_id": "3",
        "text": "Hello",
        "reply_parameters": {"message_id": 6, "allow_sending_without_reply": True},
    }
    assert id == "3:7"


def test_telegram_takes_files_with_a_caption() -> None:
    piece = Piece(to="3", text="See", attachment=PICTURE)
    (request,), _ = play(BOT.send(ROBOT, piece), answer(200, {"ok": True, "result": {"message_id": 8}}))
    assert request.url.endswith("/sendPhoto")
    assert request.body == {"chat_id": "3", "photo": PICTURE.url, "caption": "See"}


def test_a_group_that_moved_is_followed_once() -> None:
    moved = {"ok": False, "error_code": 400, "description": "x", "parameters": {"migrate_to_chat_id": -100}}
    done = {"ok": True, "result": {"message_id": 9}}
    asked, id = play(BOT.send(ROBOT, Piece(to="-5", text="Hello")), answer(400, moved), answer(200, done))
    assert [request.body and request.body["chat_id"] for request in asked] == ["-5", "-100"]
    assert id == "-100:9"
    with pytest.raises(Refused):
        play(BOT.send(ROBOT, Piece(to="-5", text="Hello")), answer(400, moved), answer(400, moved))


def test_a_bot_server_is_asked_as_it_always_was() -> None:
    exchange = MetaBot("http://bot.test/", Platform.INSTAGRAM).send(PAGE, HELLO, company_id="c1", customer_id="k1")
    answered = {"success": True, "message": "MESSAGE_SENT", "result": {"recipient_id": "P1", "message_id": "m_9"}}
    (request,), id = play(exchange, answer(200, answered))
    assert request.url == "http://bot.test/chat/manual-instagram"
    assert request.body == {
        "company_id": "c1",
        "customer_id": "k1",
        "platform": "instagram",
        "content": "Hello",
        "external_message_id": "m1",
        "access_token": "page-token",
        "customer_social_id": "P1",
    }
    assert id == "m_9"


@pytest.mark.parametrize(
    ("network", "account", "url", "part"),
    [
        (FACEBOOK, PAGE, "/me/messages", {"sender_action": "typing_on"}),
        (INSTAGRAM, OWN_LOGIN, "/me/messages", {"sender_action": "typing_on"}),
        (WHATSAPP, NUMBER, "/PNID/messages", {"typing_indicator": {"type": "text"}, "message_id": "last"}),
        (BOT, ROBOT, "/sendChatAction", {"action": "typing"}),
    ],
)
def test_typing_is_shown(network: Network, account: Account, url: str, part: dict[str, Any]) -> None:
    (request,), _ = play(network.sign(account, "P1", Sign.TYPING, "last"), answer(200, {"ok": True, "success": True}))
    assert request.url.endswith(url)
    assert request.body
    assert part.items() <= request.body.items()


@pytest.mark.parametrize(("network", "account"), [(WHATSAPP, NUMBER), (BOT, ROBOT)])
def test_a_sign_that_a_platform_does_not_have_asks_nothing(network: Network, account: Account) -> None:
    assert play(network.sign(account, "P1", Sign.SEEN, None)) == ([], None)


@pytest.mark.parametrize("body", [b"<html>Hi</html>", b"", b"[]", b'{"odd":1}', b'{"success":true,"messages":[]}'])
@pytest.mark.parametrize(("network", "account"), [(FACEBOOK, PAGE), (WHATSAPP, NUMBER), (BOT, ROBOT), (None, PAGE)])
def test_a_success_that_makes_no_sense_may_have_been_sent(
    network: Network | None, account: Account, body: bytes
) -> None:
    bot = MetaBot("http://bot.test", Platform.FACEBOOK)
    with pytest.raises(Refused) as refused:
        play(
            network.send(account, HELLO) if network else bot.send(account, HELLO, company_id="c", customer_id="k"),
            answer(200, body),
        )
    assert refused.value.failure.kind is FailureClass.UNCERTAIN


def test_a_text_that_fits_is_the_caption_of_a_lone_file() -> None:
    limits = Limits(text=10, unit=Unit.CHARACTERS, caption=5)
    assert pieces_of("See", (PICTURE,), limits) == (("See", PICTURE),)
    assert pieces_of("See this", (PICTURE,), limits) == (("See this", None), ("", PICTURE))
    assert pieces_of("See", (PICTURE, PICTURE), limits) == (("See", None), ("", PICTURE), ("", PICTURE))
    assert pieces_of("", (PICTURE,), limits) == (("", PICTURE),)
    assert pieces_of("One two three", (), limits) == (("One two", None), ("three", None))


def test_a_refusal_tells_neither_token_nor_text() -> None:
    with pytest.raises(Refused) as refused:
        play(FACEBOOK.send(PAGE, HELLO), graph_error(100))
    assert "page-token" not in repr(refused.value) + repr(PAGE)
