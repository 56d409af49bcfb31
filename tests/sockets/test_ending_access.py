"""Whose access ended is out of every server: one that hears no ring finds it by looking, a moment later."""

from collections.abc import Awaitable, Callable

import pytest

from app.actions.deactivate_user import deactivate_user
from app.actions.end_sessions import end_sessions
from app.actions.enrol import enrol_user
from app.actions.look_up import key_called
from app.actions.revoke_key import revoke_key
from app.actions.set_password import set_password
from app.actions.sign_in import sign_in
from app.models.entity import UserId
from app.models.people import Role
from app.sockets.closing import SIGNED_OUT
from tests.desk import PASSWORD, Desk
from tests.sockets.again import elsewhere
from tests.sockets.wire import Wire, admitted

pytestmark = pytest.mark.asyncio(loop_scope="session")

Ending = Callable[[Desk], Awaitable[object]]


async def _revoke(desk: Desk) -> None:
    await revoke_key(desk.hub, desk.company.id, (await key_called(desk.hub, desk.key)).id)


ENDINGS: dict[str, Ending] = {
    "revoke_key": _revoke,
    "deactivate_user": lambda desk: deactivate_user(desk.hub, desk.company.id, UserId(desk.user_id)),
    "end_sessions": lambda desk: end_sessions(desk.hub, desk.company.id, UserId(desk.user_id)),
    "set_password": lambda desk: set_password(desk.hub, desk.company.id, UserId(desk.user_id), "another battery"),
    "logout": lambda desk: desk.post("/auth/logout", {}, key="", headers={"Authorization": f"Bearer {desk.token}"}),
}


async def is_closed(wire: Wire) -> bool:
    return await wire.closed() == (SIGNED_OUT.code, SIGNED_OUT.reason)


@pytest.mark.parametrize("verb", ENDINGS)
async def test_sockets_here_and_at_a_server_without_a_ring_are_closed_and_no_others(desk: Desk, verb: str) -> None:
    email, other_key = f"agent@{desk.company.slug}.test", await desk.new_key("*")
    await enrol_user(desk.hub, desk.company.id, email=email, role=Role.AGENT, password=PASSWORD)
    agent = (await sign_in(desk.hub, email, PASSWORD)).access_token
    whose = {"api_key": desk.key} if verb == "revoke_key" else {"token": desk.token}
    async with (
        elsewhere(desk) as there,
        admitted(desk, **whose) as wire,
        admitted(there, **whose) as far,
        admitted(there, token=agent) as colleague,
        admitted(there, api_key=other_key) as bot,
    ):
        await ENDINGS[verb](desk)
        assert await is_closed(wire)
        assert await is_closed(far)
        for each in (colleague, bot):
            assert (await each.call("sync", {"epoch": await desk.epoch(), "since": 0}))["ok"]


async def test_who_signs_in_again_is_not_thrown_out_by_what_ended_before(desk: Desk) -> None:
    async with elsewhere(desk) as there, admitted(there) as old:
        await end_sessions(desk.hub, desk.company.id, UserId(desk.user_id))
        async with admitted(there, token=(await sign_in(desk.hub, desk.email, PASSWORD)).access_token) as new:
            assert await is_closed(old)
            for _ in range(3):  # the note can still be read: looking at it again ends nobody who may go on
                await there.sockets.reviews.noted()
            assert (await new.call("sync", {"epoch": await desk.epoch(), "since": 0}))["ok"]
