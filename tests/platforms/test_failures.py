"""Every code that a platform documents means what its row says, whatever words come with it."""

import orjson
import pytest

from app.models.contact import Platform
from app.models.exchange import Reply
from app.models.failure import Failure, FailureClass, Refused
from app.platforms.facebook import Facebook
from app.platforms.meta_bot import MetaBot
from app.platforms.network import Account, Piece
from app.platforms.telegram import Telegram
from app.platforms.whatsapp import WhatsApp
from tests.platforms.exchanges import answer, graph_error, play

GRAPH = "https://graph.test"
PAGE = Account(external_id="P", secrets={"access_token": "t", "bot_token": "7:t"})
PIECE = Piece(to="P1", text="Hello")


def messenger(reply: Reply) -> Failure:
    return refused(Facebook(GRAPH, "v25.0"), reply)


def whatsapp(reply: Reply) -> Failure:
    return refused(WhatsApp(GRAPH, "v25.0"), reply)


def telegram(reply: Reply) -> Failure:
    return refused(Telegram("https://telegram.test"), reply)


def meta_bot(reply: Reply) -> Failure:
    with pytest.raises(Refused) as raised:
        play(MetaBot("http://b.test", Platform.FACEBOOK).send(PAGE, PIECE, company_id="c", customer_id="k"), reply)
    return raised.value.failure


def refused(network: Facebook | WhatsApp | Telegram, reply: Reply) -> Failure:
    with pytest.raises(Refused) as raised:
        play(network.send(PAGE, PIECE), reply)
    return raised.value.failure


def names(*codes: str) -> list[tuple[int, int | None]]:
    return [(int(code.split("/")[0]), int(code.split("/")[1]) if "/" in code else None) for code in codes]


META_ROWS = {
    FailureClass.TRANSIENT: names("1", "2", "1200"),
    FailureClass.RATE: names("4", "4/2018022", "17", "32", "341", "613", "80001", "80002", "80006", "80007", "368"),
    FailureClass.AUTH: names("102", "190", "190/458", "190/459", "190/460", "190/463", "190/464", "190/467", "190/492"),
    FailureClass.PERMISSION: names("3", "10", "200", "230", "299", "10/2018108", "2/2018344", "10/1893063"),
    FailureClass.WINDOW: names("10/2018278", "10/2018065", "10/2534022"),
    FailureClass.RECIPIENT: names("551", "551/1545041", "200/1545041", "100/2018001", "100/2534014", "10303"),
    FailureClass.CONTENT: names("100", "100/2018109", "2022", "1/99", "9999"),
    FailureClass.ROUTING: names("100/2534037", "10904"),
    FailureClass.UNCERTAIN: names("506"),
}
WHATSAPP_ROWS = {
    FailureClass.TRANSIENT: names("1", "2", "131000", "131016", "133004", "131057"),
    FailureClass.RATE: names("4", "80007", "130429", "131056", "131048"),
    FailureClass.AUTH: names("0", "190"),
    FailureClass.PERMISSION: names("3", "10", "200", "131005", "131031", "368", "131042", "130497", "133010"),
    FailureClass.WINDOW: names("131047"),
    FailureClass.RECIPIENT: names("131026", "131021", "131030", "131050", "130472", "131049"),
    FailureClass.CONTENT: names("100", "131008", "131009", "131051", "131052", "131053", "132000", "132999"),
}


@pytest.mark.parametrize(("code", "kind"), [(code, kind) for kind, codes in META_ROWS.items() for code in codes])
def test_messenger_and_instagram(code: tuple[int, int | None], kind: FailureClass) -> None:
    failure = messenger(graph_error(*code))
    assert failure.kind is kind
    assert failure.code == (f"{code[0]}/{code[1]}" if code[1] else str(code[0]))
    assert failure.reason.endswith(".")


@pytest.mark.parametrize(("code", "kind"), [(code, kind) for kind, codes in WHATSAPP_ROWS.items() for code in codes])
def test_whatsapp(code: tuple[int, int | None], kind: FailureClass) -> None:
    assert whatsapp(graph_error(*code)).kind is kind


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (500, "Internal Server Error", FailureClass.TRANSIENT),
        (502, "Bad Gateway", FailureClass.TRANSIENT),
        (429, "Too Many Requests: retry after 5", FailureClass.RATE),
        (401, "Unauthorized", FailureClass.AUTH),
        (404, "Not Found", FailureClass.AUTH),
        (403, "Forbidden: bot was blocked by the user", FailureClass.RECIPIENT),
        (403, "Forbidden: user is deactivated", FailureClass.RECIPIENT),
        (403, "Forbidden: bot can't initiate conversation with a user", FailureClass.RECIPIENT),
        (403, "Forbidden: not enough rights to send text messages to the chat", FailureClass.PERMISSION),
        (400, "Bad Request: chat not found", FailureClass.RECIPIENT),
        (400, "Bad Request: message is too long", FailureClass.CONTENT),
        (400, "Bad Request: can't parse entities", FailureClass.CONTENT),
        (409, "Conflict: terminated by other getUpdates request", FailureClass.ROUTING),
    ],
)
def test_telegram(status: int, words: str, kind: FailureClass) -> None:
    assert telegram(answer(status, {"ok": False, "error_code": status, "description": words})).kind is kind


def test_only_a_token_that_ran_out_is_worth_reading_anew() -> None:
    renewable = [code for code in META_ROWS[FailureClass.AUTH] if messenger(graph_error(*code)).renewable]
    assert renewable == [(190, 463), (190, 467)]


def test_what_may_be_a_block_is_not_tried_for_ever() -> None:
    assert [messenger(graph_error(code)).most_tries for code in (1, 2, 1200)] == [10, 10, None]


def test_a_pair_that_is_too_quick_does_not_stop_the_number() -> None:
    assert whatsapp(graph_error(131056)).pair_only
    assert not whatsapp(graph_error(130429)).pair_only


def test_a_platform_may_mend_an_unknown_code() -> None:
    assert messenger(graph_error(9999, is_transient=True)).kind is FailureClass.TRANSIENT
    assert messenger(graph_error(9999, status=500)).kind is FailureClass.TRANSIENT
    assert messenger(graph_error(100, is_transient=True)).kind is FailureClass.CONTENT


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, FailureClass.TRANSIENT),
        (502, FailureClass.TRANSIENT),
        (429, FailureClass.RATE),
        (401, FailureClass.AUTH),
        (403, FailureClass.PERMISSION),
        (400, FailureClass.CONTENT),
    ],
)
def test_a_page_in_place_of_json_is_judged_by_its_status(status: int, kind: FailureClass) -> None:
    assert messenger(answer(status, b"<html>Sorry</html>")).kind is kind


def test_an_outage_is_a_5xx_and_nothing_else() -> None:
    assert messenger(answer(502, b"<html>")).outage
    assert messenger(graph_error(2, status=500)).outage
    assert telegram(answer(500, {"ok": False, "error_code": 500})).outage
    assert meta_bot(answer(500, {"details": "ECONNRESET"})).outage
    assert not any(
        each.outage for each in (messenger(graph_error(2)), messenger(graph_error(613)), whatsapp(graph_error(100)))
    )


def test_a_wait_is_taken_from_whichever_header_names_it() -> None:
    usage = orjson.dumps({"1": [{"type": "messenger", "estimated_time_to_regain_access": 3}]}).decode()
    error = {"error": {"code": 613}}
    assert messenger(answer(400, error, retry_after="7")).wait == 7
    assert messenger(answer(400, error, x_business_use_case_usage=usage)).wait == 180
    assert messenger(answer(400, error)).wait is None
    for odd in ("soon", "-1", "\u0661"):
        assert messenger(answer(400, error, retry_after=odd)).wait is None
    for odd in ("[]", '{"1":2}', '{"1":[2]}', "{", '{"1":[{"estimated_time_to_regain_access":0}]}'):
        assert messenger(answer(400, error, x_business_use_case_usage=odd)).wait is None
    flood = {"ok": False, "error_code": 429, "parameters": {"retry_after": 5}}
    assert telegram(answer(429, flood)).wait == 5


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"success": False, "error": "Missing required fields: content"}, FailureClass.CONTENT),
        (500, {"success": False, "error": "Error", "details": "ECONNRESET"}, FailureClass.TRANSIENT),
        (500, b"<html>", FailureClass.TRANSIENT),
        (500, {"details": '{"error":{"code":190,"error_subcode":463}}'}, FailureClass.AUTH),
        (500, {"details": {"code": 10, "error_subcode": 2018278}}, FailureClass.WINDOW),
        (500, {"details": "GraphError: code: 551"}, FailureClass.RECIPIENT),
        (500, {"details": "code=424242"}, FailureClass.TRANSIENT),
    ],
)
def test_a_bot_servers_refusal_is_that_of_the_graph_behind_it(status: int, body: object, kind: FailureClass) -> None:
    assert meta_bot(answer(status, body)).kind is kind


def test_a_person_may_try_again_what_is_not_the_messages_own_fault() -> None:
    assert {kind for kind in FailureClass if not Failure(kind=kind, code="", reason="").may_be_retried} == {
        FailureClass.CONTENT
    }
