"""The staff: names for the ids of assignees and readers."""

from typing import Any

import pytest

from app.actions.enrol import enrol_user
from app.models.people import Role
from tests.desk import PASSWORD, Desk
from tests.handlers.asking import Refused, got, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def hired(desk: Desk, name: str, *, active: bool = True) -> dict[str, Any]:
    """Add somebody to the staff, and return what others see of them."""
    email = f"{name.lower()}@{desk.company.slug}.test"
    user = await enrol_user(desk.hub, desk.company.id, email=email, name=name, role=Role.AGENT, password=PASSWORD)
    if not active:
        await desk.hub.store.users.deactivate(desk.company.id, user.id)
    return {"id": user.id, "name": name, "role": "agent", "active": active}


async def test_the_staff_is_listed_by_name_those_who_left_too(desk: Desk) -> None:
    zoe, abe = await hired(desk, "Zoe", active=False), await hired(desk, "Abe")
    staff = await got(desk, "/users")
    assert (staff[0], staff[-1], len(staff)) == (abe, zoe, 3)
    (owner,) = (each for each in staff if each["role"] == "owner")
    assert owner["id"] == desk.user_id


async def test_a_company_lists_its_own_staff_alone(desk: Desk, house: Desk) -> None:
    theirs = await hired(house, f"Theirs{desk.company.id}")
    assert theirs in await got(house, "/users")
    assert [each["id"] for each in await got(desk, "/users")] == [desk.user_id]


async def test_an_address_or_a_password_is_never_among_it(desk: Desk) -> None:
    assert {name for each in await got(desk, "/users") for name in each} == {"id", "name", "role", "active"}


async def test_names_go_with_reading_conversations(desk: Desk) -> None:
    assert (await desk.ask("GET", "/users", key=await desk.new_key("conversations:read")))[0] == 200
    other = await desk.new_key("messages:read", "contacts:read", "feed:read")
    assert await refusal(desk, "GET", "/users", key=other) == Refused(403, "forbidden")
