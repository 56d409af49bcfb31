"""In production no attachment lies where only this server's own network could fetch it."""

from dataclasses import replace

import pytest

from app.access import caller_with_key
from app.actions.draft import Draft
from app.actions.edit_message import Edit, edit_message
from app.actions.send_message import send_message
from app.errors import Invalid
from app.models.contact import Platform
from app.models.entity import ContactId
from app.models.message import Attachment, Direction, MessageRole
from app.outside.hosts import names_public_host
from app.settings_values import Environment
from tests.desk import Desk
from tests.handlers.asking import got, head_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUBLIC, PRIVATE = "https://files.example/1.png", "http://127.0.0.1:9000/1.png"
FILES = tuple(Attachment(type="image", url=url) for url in (PUBLIC, PRIVATE))


def draft(desk: Desk, *files: Attachment) -> Draft:
    """Return a customer's message with these files."""
    return Draft(
        role=MessageRole.USER,
        direction=Direction.INBOUND,
        contact_id=ContactId(desk.contact_id),
        platform=Platform.WEB,
        content="Look",
        attachments=files,
    )


async def test_production_refuses_a_file_in_a_private_network_and_names_it(desk: Desk) -> None:
    strict = replace(desk.hub, settings=desk.hub.settings.model_copy(update={"environment": Environment.PRODUCTION}))
    caller, before = await caller_with_key(strict, desk.key), await head_of(desk)
    with pytest.raises(Invalid) as refused:
        await send_message(strict, caller, draft(desk, *FILES))
    assert [detail.field for detail in refused.value.details] == ["attachments.1.url"]
    assert await head_of(desk) == before
    sent = await send_message(strict, caller, draft(desk, FILES[0]))
    with pytest.raises(Invalid) as refused:
        await edit_message(strict, caller, sent.message["id"], Edit(attachments=FILES))
    assert [detail.field for detail in refused.value.details] == ["attachments.1.url"]
    assert [each["url"] for each in (await got(desk, f"/messages/{sent.message['id']}"))["attachments"]] == [PUBLIC]


async def test_elsewhere_files_may_lie_on_ones_own_machine(desk: Desk) -> None:
    message = await desk.receive(attachments=[{"type": "image", "url": PRIVATE}])
    assert message["attachments"][0]["url"] == PRIVATE


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:80", "files.localhost", "localhost.", "127.0.0.1", "127.1", "2130706433", "0x7f.1",
        "0.0.0.0", "10.0.0.7", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "user:word@10.0.0.7", "[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.7]", "[::1", "",
    ],
)  # fmt: skip
async def test_a_private_host_is_known_by_its_name(host: str) -> None:
    assert not names_public_host(f"http://{host}/1.png")


@pytest.mark.parametrize(
    "host",
    ["files.example", "files.example:8443", "8.8.8.8", "[2606:4700::1111]", "localhost.example", "bücher.example"],
)
async def test_any_other_host_is_public(host: str) -> None:
    assert names_public_host(f"https://{host}/1.png?at=127.0.0.1")
