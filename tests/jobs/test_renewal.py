"""Tokens stay alive: one refresh for all who ask, and what is refused is said once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.actions import refresh_tokens as refreshing
from app.actions.refresh_tokens import refresh_tokens
from app.actions.renew_token import RenewalLater, renew_token
from app.models.channel import Channel, Health
from app.models.contact import Platform
from app.models.entity import evolve
from app.models.failure import FailureClass
from tests.jobs.conftest import Scene
from tests.waiting import until

OLD: dict[str, Any] = {"access_token": "old-page", "user_token": "user"}
EXCHANGE = "oauth/access_token"


@pytest.fixture(autouse=True)
async def tokens(scene: Scene) -> None:
    """A page's token that has run out, and a person's that is exchanged for another, which opens a newer page's."""
    await scene.tell("tokens", token="old-page", state="expired")
    await scene.tell("tokens", token="user", next_token="longer")
    await scene.tell("tokens", token="longer", next_token="new-page")


async def test_a_hundred_who_ask_at_once_cost_one_refresh(scene: Scene) -> None:
    channel = await scene.connect(**OLD)
    found = await asyncio.gather(*(renew_token(scene.hub, channel) for _ in range(100)))
    stored = await scene.stored(channel)
    assert found == [stored] * 100
    assert scene.secrets(stored) == {"access_token": "new-page", "user_token": "longer"}
    assert stored.expires_at is not None
    assert stored.expires_at > scene.hub.now() + timedelta(days=50)
    assert await scene.refresh_calls() == 1
    assert len(await scene.said_of(channel)) == 1


async def test_so_it_is_in_several_processes(scene: Scene) -> None:
    channel = await scene.connect(**OLD)
    hubs = [scene.another_process() for _ in range(4)]
    found = await asyncio.gather(*(renew_token(hub, channel) for hub in hubs for _ in range(5)))
    assert found == [await scene.stored(channel)] * 20
    assert await scene.refresh_calls() == 1


async def test_whoever_comes_later_with_the_old_one_gets_the_new_one_at_once(scene: Scene) -> None:
    channel = await scene.connect(**OLD)
    first = await renew_token(scene.hub, channel)
    assert await renew_token(scene.another_process(), channel) == first
    assert await scene.refresh_calls() == 1


async def test_a_refused_refresh_is_said_once_and_keeps_the_old_credentials(scene: Scene) -> None:
    channel = await scene.connect(**OLD)
    await scene.tell("tokens", token="user", state="revoked")
    assert set(await asyncio.gather(*(renew_token(scene.hub, channel) for _ in range(100)))) == {None}
    stored = await scene.stored(channel)
    assert (stored.sealed, stored.health) == (channel.sealed, Health.NEEDS_REAUTH)
    (said,) = await scene.said_of(channel)
    assert (said["health"], bool(said["health_reason"])) == ("needs_reauth", True)
    assert await scene.refresh_calls() == 1


@pytest.mark.parametrize("preset", ["http_500", "meta_4", "http_200_garbage"])
async def test_trouble_that_passes_is_no_reason_to_connect_again(scene: Scene, preset: str) -> None:
    channel = await scene.connect(**OLD)
    await scene.tell("rules", match={"path": EXCHANGE}, action={"preset": preset}, times=-1)
    asked = (renew_token(scene.hub, channel) for _ in range(20))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(each) for each in found} == {RenewalLater}
    assert await scene.stored(channel) == channel
    assert await scene.refresh_calls() == 1


async def test_a_platform_that_hangs_is_not_waited_for_by_each(scene: Scene) -> None:
    quick = scene.hub.settings.model_copy(update={"platform_timeout": timedelta(seconds=0.2)})
    hub = replace(scene.hub, settings=quick)
    channel = await scene.connect(**OLD)
    await scene.tell("rules", match={"path": EXCHANGE}, action={"hang": True}, times=-1)
    found = await asyncio.gather(*(renew_token(hub, channel) for _ in range(5)), return_exceptions=True)
    assert [each.failure.kind for each in found if isinstance(each, RenewalLater)] == [FailureClass.TRANSIENT] * 5
    assert await scene.hub.store.leases.collection.find_one({"_id": f"renew:{channel.id}"}) is None


async def test_a_token_that_somebody_connected_meanwhile_is_kept(scene: Scene) -> None:
    channel = await scene.connect(**OLD)
    await scene.tell("rules", match={"path": EXCHANGE}, action={"delay_ms": 300})
    renewing = asyncio.create_task(renew_token(scene.hub, channel))
    await until(lambda: scene.fake.state.refreshes == 1)
    theirs = scene.hub.vault.seal(channel.id, {"access_token": "connected by hand"})
    by_hand = await scene.put(evolve(channel, sealed=theirs))
    assert await renewing == by_hand
    assert scene.secrets(await scene.stored(channel)) == {"access_token": "connected by hand"}


@pytest.mark.parametrize(
    ("platform", "secrets"),
    [
        (Platform.WHATSAPP, {"access_token": "old-page"}),
        (Platform.TELEGRAM, {"bot_token": "7:old"}),
        (Platform.FACEBOOK, {"access_token": "old-page"}),
        (Platform.SANDBOX, {}),
    ],
)
async def test_where_there_is_no_way_somebody_must_connect_again(
    scene: Scene, platform: Platform, secrets: dict[str, Any]
) -> None:
    channel = await scene.connect(platform, **secrets)
    assert await renew_token(scene.hub, channel) is None
    assert (await scene.stored(channel)).health is Health.NEEDS_REAUTH


async def test_credentials_that_no_key_opens_must_be_given_again(scene: Scene) -> None:
    channel = await scene.put(evolve(await scene.connect(**OLD), sealed=b"garbage"))
    assert await renew_token(scene.hub, channel) is None
    assert (await scene.stored(channel)).health is Health.NEEDS_REAUTH


async def test_a_channel_that_is_gone_is_not_renewed(scene: Scene) -> None:
    channel = await scene.connect(**OLD)
    await scene.put(evolve(channel, sealed=None, disconnected_at=scene.hub.now()))
    assert await renew_token(scene.hub, channel) is None
    assert await scene.refresh_calls() == 0


async def test_a_login_of_instagrams_own_is_renewed_there(scene: Scene) -> None:
    await scene.tell("tokens", token="ig", next_token="newer-ig", expires_in=5_000_000)
    channel = await scene.connect(Platform.INSTAGRAM, access_token="ig", login="instagram")
    renewed = await renew_token(scene.hub, channel)
    assert renewed is not None
    assert scene.secrets(renewed) == {"access_token": "newer-ig", "login": "instagram"}


async def test_only_what_runs_out_soon_is_renewed_beforehand(scene: Scene) -> None:
    now = scene.hub.now()
    soon = await scene.connect(expires_at=now + timedelta(days=9), **OLD)
    others = [
        await scene.connect(expires_at=now + timedelta(days=11), **OLD),
        await scene.connect(expires_at=None, **OLD),
        await scene.connect(expires_at=now + timedelta(days=9), health=Health.NEEDS_REAUTH, **OLD),
    ]
    assert await refresh_tokens(scene.hub) == 1
    assert scene.secrets(await scene.stored(soon))["access_token"] == "new-page"
    assert [await scene.stored(each) for each in others] == others
    assert await refresh_tokens(scene.hub) == 0


async def test_every_company_is_looked_after_page_by_page(scene: Scene) -> None:
    expires_at = scene.hub.now() + timedelta(days=1)
    first = [await scene.connect(expires_at=expires_at, **OLD) for _ in range(5)]
    scene.desk = await scene.desk.neighbour()
    second = [await scene.connect(expires_at=expires_at, **OLD) for _ in range(5)]
    assert await refresh_tokens(scene.hub) == 10
    assert {(await scene.stored(each)).health for each in (*first, *second)} == {Health.HEALTHY}


async def test_a_refusal_beforehand_warns_and_lets_the_channel_send_on(scene: Scene) -> None:
    channel = await scene.connect(expires_at=scene.hub.now() + timedelta(days=3), **OLD)
    await scene.tell("tokens", token="user", state="expired")
    assert await refresh_tokens(scene.hub) == 0
    stored = await scene.stored(channel)
    assert (stored.sealed, stored.health, stored.can_send) == (channel.sealed, Health.EXPIRING_SOON, True)


async def test_a_paused_channel_is_renewed_and_stays_paused(scene: Scene) -> None:
    expires_at = scene.hub.now() + timedelta(days=1)
    channel = await scene.connect(expires_at=expires_at, health=Health.PAUSED, **OLD)
    assert await refresh_tokens(scene.hub) == 1
    assert (await scene.stored(channel)).health is Health.PAUSED


async def test_a_renewed_channel_is_well_again(scene: Scene) -> None:
    channel: Channel = await scene.connect(health=Health.EXPIRED, **OLD)
    renewed = await renew_token(scene.hub, channel)
    assert renewed is not None
    assert (renewed.health, renewed.reason) == (Health.HEALTHY, None)


async def test_trouble_beforehand_is_tried_again_after_what_the_platform_asks_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        scene.hub.renewals.ended.forget(channel.sealed or b"")

    monkeypatch.setattr(refreshing.patiently.retry, "sleep", pause)
    channel = await scene.connect(expires_at=scene.hub.now() + timedelta(days=1), **OLD)
    await scene.tell("rules", match={"path": EXCHANGE}, action={"preset": "http_500"}, times=2)
    assert await refresh_tokens(scene.hub) == 1
    assert pauses == [6.0, 12.0]
    later = await scene.connect(expires_at=scene.hub.now() + timedelta(days=1), **OLD)
    await scene.tell("rules", match={"path": EXCHANGE}, action={"preset": "http_500"}, times=-1)
    assert await refresh_tokens(scene.hub) == 0
    assert await scene.stored(later) == later
