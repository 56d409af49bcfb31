"""Who is here, who is away, and who is writing."""

import asyncio

import pytest

from app.actions.enrol import enrol_user
from app.actions.sign_in import sign_in
from app.models.people import Role
from app.sockets import presence, typists
from tests.desk import PASSWORD, Desk, Listener
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def colleague(desk: Desk, name: str = "bo") -> str:
    """Return the token of another member of staff."""
    email = f"{name}@{desk.company.slug}.test"
    await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=PASSWORD)
    return (await sign_in(desk.hub, email, PASSWORD)).access_token


def statuses(listener: Listener) -> list[tuple[str, str]]:
    return [(body["user"]["name"], body["status"]) for body in listener.of("presence:update")]


async def test_who_comes_and_goes_is_told_to_the_others(desk: Desk) -> None:
    first = await desk.listen()
    await first.ready()
    second = await desk.listen(token=await colleague(desk))
    await until(lambda: statuses(first) == [("bo", "online")])
    await second.client.disconnect()

    def told() -> bool:
        desk.sockets.live.attendance.look(attendance_now(presence.GRACE))
        return len(statuses(first)) == 2

    await until(told)
    assert statuses(first)[-1] == ("bo", "offline")


def attendance_now(later: float) -> float:
    return asyncio.get_running_loop().time() + later


async def test_a_reconnect_shows_nothing(desk: Desk) -> None:
    first, token = await desk.listen(), await colleague(desk)
    await first.ready()
    second = await desk.listen(token=token)
    await second.ready()
    await second.client.disconnect()
    again = await desk.listen(token=token)
    await again.ready()
    desk.sockets.live.attendance.look(attendance_now(presence.GRACE * 2))
    await desk.receive()
    await until(lambda: first.events)
    assert statuses(first) == [("bo", "online")]


async def test_away_is_what_one_says_and_a_list_shows_it(desk: Desk) -> None:
    first = await desk.listen()
    second = await desk.listen(token=await colleague(desk))
    await second.ready()
    assert await second.call("presence:set", {"status": "away"}) == {"ok": True, "data": {"status": "away"}}
    await until(lambda: statuses(first)[-1:] == [("bo", "away")])
    listed = (await first.call("presence:list", {}))["data"]["users"]
    assert sorted(each["status"] for each in listed) == ["away", "online"]
    refused = await second.call("presence:set", {"status": "asleep"})
    assert refused["error"]["details"][0]["field"] == "status"


async def test_another_company_hears_nothing_of_it(desk: Desk) -> None:
    other = await (await desk.neighbour()).listen()
    await other.ready()
    here = await desk.listen()
    await here.ready()
    assert (await other.call("presence:list", {}))["data"]["users"] != []
    assert statuses(other) == []


async def test_writing_stops_by_itself_and_with_the_connection(desk: Desk) -> None:
    message = await desk.receive()
    conversation = {"conversation_id": message["conversation_id"]}
    watching, writing = await desk.listen(), await desk.listen(token=await colleague(desk))
    for listener in (watching, writing):
        await listener.call("conversation:join", conversation)
    await writing.call("typing:start", conversation)
    desk.sockets.live.typists.look(attendance_now(typists.TYPING_LASTS + 1))
    await until(lambda: [body["typing"] for body in watching.of("typing:indicator")] == [True, False])
    await writing.call("typing:start", conversation)
    await writing.client.disconnect()
    await until(lambda: [body["typing"] for body in watching.of("typing:indicator")] == [True, False, True, False])
    assert writing.of("typing:indicator") == []
