"""What Meta says of a token becomes the channel's health; what it cannot say changes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from app.actions.check_tokens import check_tokens
from app.models.channel import Health
from app.models.contact import Platform
from tests.jobs.conftest import Scene

DAY = 86_400


@pytest.mark.parametrize(
    ("token", "health"),
    [
        ({"expires_in": 60 * DAY}, Health.HEALTHY),
        ({"expires_in": 0}, Health.HEALTHY),
        ({"expires_in": 9 * DAY}, Health.EXPIRING_SOON),
        ({"state": "expired", "expires_in": -DAY}, Health.EXPIRED),
        ({"state": "revoked"}, Health.NEEDS_REAUTH),
    ],
)
@pytest.mark.parametrize("platform", [Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP])
async def test_a_token_is_how_meta_says_it_is(
    scene: Scene, platform: Platform, token: dict[str, Any], health: Health
) -> None:
    channel = await scene.connect(platform, access_token="page")
    await scene.tell("tokens", token="page", **token)
    assert await check_tokens(scene.hub) == 1
    stored = await scene.stored(channel)
    assert (stored.health, stored.reason is None) == (health, health is Health.HEALTHY)
    assert (stored.expires_at is None) == (token.get("expires_in") == 0)


async def test_a_token_that_nobody_knows_must_be_given_again(scene: Scene) -> None:
    channel = await scene.connect(access_token="garbage")
    await check_tokens(scene.hub)
    assert (await scene.stored(channel)).health is Health.NEEDS_REAUTH


async def test_the_end_of_a_persons_token_is_the_channels(scene: Scene) -> None:
    await scene.tell("tokens", token="page", expires_in=0)
    await scene.tell("tokens", token="user", expires_in=5 * DAY)
    channel = await scene.connect(access_token="page", user_token="user")
    await check_tokens(scene.hub)
    stored = await scene.stored(channel)
    assert stored.expires_at is not None
    assert stored.expires_at < scene.hub.now() + timedelta(days=6)
    assert stored.health is Health.EXPIRING_SOON


async def test_what_is_known_already_is_not_said_again(scene: Scene) -> None:
    await scene.tell("tokens", token="page", state="revoked", expires_in=0)
    channel = await scene.connect(access_token="page")
    for _ in range(3):
        await check_tokens(scene.hub)
    assert len(await scene.said_of(channel)) == 1


@pytest.mark.parametrize("preset", ["http_500", "meta_4", "http_200_garbage", "meta_190_463"])
async def test_a_question_that_failed_changes_nothing(scene: Scene, preset: str) -> None:
    channel = await scene.connect(access_token="page")
    await scene.tell("rules", match={"path": "debug_token"}, action={"preset": preset})
    assert await check_tokens(scene.hub) == 0
    assert await scene.stored(channel) == channel


@pytest.mark.parametrize("health", [Health.PAUSED, Health.NEEDS_REAUTH])
async def test_a_valid_token_does_not_undo_what_a_person_must(scene: Scene, health: Health) -> None:
    await scene.tell("tokens", token="page")
    channel = await scene.connect(health=health, access_token="page")
    await check_tokens(scene.hub)
    assert (await scene.stored(channel)).health is health


async def test_nobody_is_asked_about_other_tokens(scene: Scene) -> None:
    await scene.connect(Platform.TELEGRAM, bot_token="7:x")
    await scene.connect(Platform.INSTAGRAM, access_token="ig", login="instagram")
    assert await check_tokens(scene.hub) == 0
