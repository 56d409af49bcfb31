"""Messages over REST, as a bot meets them."""

from tests.desk import Desk


async def test_a_message_is_stored_and_answered(desk: Desk) -> None:
    status, answer = await desk.ask("POST", "/messages", desk.message())
    assert status == 201
    assert answer["data"]["seq"] == 2
    assert answer["forwarding"] == {"state": "skipped", "reason": "inbound"}


async def test_the_same_key_twice_stores_one_message(desk: Desk) -> None:
    first = await desk.ask("POST", "/messages", desk.message(), headers={"Idempotency-Key": "order-1017"})
    again = await desk.ask("POST", "/messages", desk.message(), headers={"Idempotency-Key": "order-1017"})
    assert (first[0], again[0]) == (201, 200)
    assert first[1]["data"] == again[1]["data"]
