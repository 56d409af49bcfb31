"""Each line of a request names it by the id that its answer bears, and says who asked."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId
from loguru import logger

from app.access import caller_with_key
from tests.desk import PASSWORD, Desk
from tests.handlers.asking import Answer, whole
from tests.loglines import Line, log_lines

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    with log_lines("DEBUG") as gathered:
        yield gathered


def of_request(lines: list[Line], id: str) -> list[Line]:
    return [line for line in lines if line.get("request_id") == id]


async def answered(desk: Desk, method: str, path: str, **headers: str) -> Answer:
    return await whole(desk, method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_the_line_of_a_request_bears_the_answers_id_and_who_asked(desk: Desk, lines: list[Line]) -> None:
    key_id = (await caller_with_key(desk.hub, desk.key)).id
    for headers, principal in (
        ({"X-API-Key": desk.key}, f"key:{key_id}"),
        ({"Authorization": f"Bearer {desk.token}"}, f"user:{desk.user_id}"),
    ):
        answer = await whole(desk, "GET", "/api/v1/conversations", headers=headers)
        (line,) = of_request(lines, answer.headers["X-Request-Id"])
        assert line["event"] == "request"
        assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/conversations", 200)
        assert (line["principal"], line["company_id"]) == (principal, desk.company.id)
        assert line["remote"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/conversations", 401),
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/contacts", 405),
        ("POST", "/api/v1/auth/login", 415),
        ("POST", "/api/v1/webhooks/telegram", 404),
    ],
)
async def test_a_refusal_names_one_id_in_body_header_and_line(
    desk: Desk, lines: list[Line], method: str, path: str, status: int
) -> None:
    answer = await whole(desk, method, path)
    id = answer.headers["X-Request-Id"]
    assert answer.status == status
    assert answer.body["error"]["request_id"] == id
    (line,) = of_request(lines, id)
    assert line["status"] == status
    assert "principal" not in line


@pytest.mark.parametrize("path", ["/", "/health", "/health/live", "/socket.io/", "/nothing"])
async def test_every_answer_bears_an_id_of_its_own(desk: Desk, path: str) -> None:
    ids = [(await whole(desk, "GET", path)).headers["X-Request-Id"] for _ in range(2)]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("given", ["order-1017", "a.B_c-1", "x" * 64])
async def test_a_well_formed_id_of_the_client_is_kept(desk: Desk, lines: list[Line], given: str) -> None:
    answer = await answered(desk, "GET", "/api/v1/auth/me", X_API_Key=desk.key, X_Request_Id=given)
    assert answer.headers["X-Request-Id"] == given
    assert len(of_request(lines, given)) == 1


@pytest.mark.parametrize("given", ["two words", "x" * 65, "é", '{"a":1}', ""])
async def test_any_other_id_of_the_client_is_replaced(desk: Desk, lines: list[Line], given: str) -> None:
    answer = await answered(desk, "GET", "/api/v1/auth/me", X_API_Key=desk.key, X_Request_Id=given)
    assert answer.headers["X-Request-Id"] != given
    assert len(of_request(lines, answer.headers["X-Request-Id"])) == 1


async def test_a_mistake_of_ours_is_found_by_the_id_of_its_answer(desk: Desk, lines: list[Line]) -> None:
    unreadable = {"$set": {"identities": 5}}
    await desk.hub.store.contacts.collection.update_one({"company_id": ObjectId(desk.company.id)}, unreadable)
    answer = await answered(desk, "GET", f"/api/v1/contacts/{desk.contact_id}", X_API_Key=desk.key)
    assert answer.status == 500
    error, request = of_request(lines, answer.headers["X-Request-Id"])
    assert (error["event"], error["level"]) == ("unexpected error", "ERROR")
    assert error["principal"] == request["principal"]


async def test_requests_at_once_on_few_connections_keep_their_ids(desk: Desk, lines: list[Line]) -> None:
    asked = {f"at-once-{n}": f"/api/v1/contacts/{n:024x}" for n in range(40)}
    await asyncio.gather(
        *(answered(desk, "GET", path, X_API_Key=desk.key, X_Request_Id=id) for id, path in asked.items())
    )
    for id in asked:
        assert [line["event"] for line in of_request(lines, id)] == ["request"]


async def test_a_batch_of_many_callers_bears_nobodys_id(desk: Desk, lines: list[Line]) -> None:
    probe, desk.hub.journal.probe = desk.hub.journal.probe, lambda at: logger.bind(at=at).info("probe")
    try:
        statuses = await asyncio.gather(*(desk.ask("POST", "/messages", desk.message(f"{n}")) for n in range(20)))
    finally:
        desk.hub.journal.probe = probe
    assert {status for status, _ in statuses} == {201}
    probes = [line for line in lines if line["event"] == "probe"]
    assert probes
    assert not [line for line in probes if {"request_id", "principal", "socket"} & line.keys()]


async def test_what_a_request_left_behind_is_no_part_of_it(
    desk: Desk, lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[asyncio.Task[None]] = []
    answered_now = asyncio.Event()
    match = desk.hub.passwords.match

    async def later() -> None:
        logger.info("meanwhile")
        await answered_now.wait()
        logger.info("afterwards")

    async def matching(*given: Any) -> bool:
        left.append(asyncio.create_task(later()))
        return await match(*given)

    monkeypatch.setattr(desk.hub.passwords, "match", matching)
    body, headers = {"email": desk.email, "password": PASSWORD}, {"X-Request-Id": "leaves-a-task"}
    await desk.post("/auth/login", body, key="", headers=headers)
    answered_now.set()
    await asyncio.gather(*left)
    assert "meanwhile" in [line["event"] for line in of_request(lines, "leaves-a-task")]
    (afterwards,) = (line for line in lines if line["event"] == "afterwards")
    assert "request_id" not in afterwards
