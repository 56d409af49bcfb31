"""Every row of the error table: what becomes of the message and of its channel, and how often the platform is asked."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from app.models.contact import Platform
from app.platforms import meta_failures as meta
from app.platforms import telegram
from tests.delivery.shop import Shop, open_shop
from tests.waiting import until

FB, IG, WA, TG = Platform.FACEBOOK, Platform.INSTAGRAM, Platform.WHATSAPP, Platform.TELEGRAM


@dataclass(frozen=True)
class Row:
    """One refusal, met once: `state` is the message's in the end; `calls` how often the platform was asked."""

    platform: Platform
    preset: str
    state: str
    calls: int
    reason: str | None = None
    code: str | None = None
    health: str = "healthy"

    def __str__(self) -> str:
        return f"{self.platform}-{self.preset}"


ROWS = (
    Row(FB, "meta_1200", "sent", 2),
    Row(FB, "meta_2_transient", "sent", 2),
    Row(FB, "http_500", "sent", 2),
    Row(FB, "http_502_html", "sent", 2),
    Row(WA, "wa_131000", "sent", 2),
    Row(TG, "http_500", "sent", 2),
    Row(WA, "wa_131056", "sent", 2),
    Row(FB, "meta_190_460", "queued", 1, meta.CUT_OFF, "190/460", "needs_reauth"),
    Row(FB, "meta_10", "failed", 1, meta.FORBIDDEN, "10", "paused"),
    Row(FB, "meta_10_1893063", "failed", 1, meta.RESTRICTED, "10/1893063", "paused"),
    Row(FB, "meta_10_2018278", "failed", 1, meta.CLOSED, "10/2018278"),
    Row(IG, "ig_10_2534022", "failed", 1, meta.CLOSED, "10/2534022"),
    Row(WA, "wa_131047", "failed", 1, meta.CLOSED, "131047"),
    Row(FB, "meta_551", "failed", 1, meta.GONE, "551"),
    Row(FB, "meta_100_2018001", "failed", 1, meta.GONE, "100/2018001"),
    Row(WA, "wa_131026", "failed", 1, meta.GONE, "131026"),
    Row(TG, "tg_403_blocked", "failed", 1, telegram.GONE[1], "403"),
    Row(FB, "meta_100", "failed", 1, meta.ODD, "100"),
    Row(TG, "tg_400_long", "failed", 1, telegram.ODD[1], "400"),
    Row(FB, "meta_10904", "failed", 1, meta.ELSEWHERE, "10904"),
    Row(TG, "tg_409", "failed", 1, telegram.TWO_LISTEN[1], "409"),
    Row(WA, "wa_190", "queued", 1, meta.CUT_OFF, "190", "needs_reauth"),
    Row(TG, "tg_401", "queued", 1, telegram.CUT_OFF[1], "401", "needs_reauth"),
    Row(FB, "meta_368", "queued", 1, meta.RESTRICTED, "368", "paused"),
    Row(WA, "wa_131048", "queued", 1, meta.RESTRICTED, "131048", "paused"),
    Row(WA, "wa_131031", "failed", 1, meta.RESTRICTED, "131031", "paused"),
    Row(TG, "tg_403_group", "failed", 1, telegram.SHUT_OUT[1], "403", "paused"),
    Row(IG, "ig_100_2534014", "failed", 1, meta.GONE, "100/2534014"),
    Row(WA, "wa_131050", "failed", 1, meta.OPTED_OUT, "131050"),
    Row(TG, "tg_400_chat", "failed", 1, telegram.UNKNOWN_CHAT[1], "400"),
    Row(WA, "wa_131008", "failed", 1, meta.ODD, "131008"),
    Row(IG, "ig_100_2534037", "failed", 1, meta.ELSEWHERE, "100/2534037"),
    Row(FB, "meta_506", "uncertain", 1, meta.TWICE, "506"),
    Row(FB, "http_200_garbage", "uncertain", 1, meta.GARBLED, "200"),
)


@pytest_asyncio.fixture
async def shop(mongo_uri: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """A company on every platform."""
    async with open_shop(mongo_uri, tmp_path, FB, IG, WA, TG) as opened:
        yield opened


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_a_refusal_has_its_consequence(shop: Shop, row: Row) -> None:
    shop.rule({"preset": row.preset})
    message = await shop.reply(await shop.customer(row.platform), row.platform)

    async def settled() -> bool:
        delivery = await shop.delivery(message)
        return bool(delivery["state"] == row.state and (row.reason is None or delivery.get("reason") == row.reason))

    await until(settled, within=15)
    delivery = await shop.delivery(message)
    assert shop.calls() == row.calls
    assert (delivery.get("code"), delivery.get("reason")) == (row.code, row.reason)
    assert (await shop.health(row.platform))[0] == row.health


@pytest.mark.parametrize(
    ("platform", "preset", "more"), [(TG, "tg_429", {"retry_after": 1}), (FB, "meta_613", {}), (WA, "wa_130429", {})]
)
async def test_a_rate_refusal_shuts_the_channel_and_keeps_the_order(
    shop: Shop, platform: Platform, preset: str, more: dict[str, int]
) -> None:
    ann, bob = await shop.customer(platform), await shop.customer(platform, name="Bob")
    shop.rule({"preset": preset, **more})
    first = await shop.reply(ann, platform, "first")
    await until(shop.calls)
    await until(lambda: shop.hub.known.gates)
    gate = next(iter(shop.hub.known.gates.values()))
    assert gate.shut_until is not None
    others = [await shop.reply(who, platform, text) for who, text in ((ann, "second"), (bob, "third"))]
    for message in (first, *others):
        assert (await shop.outcome(message, within=20))["state"] == "sent"
    assert shop.texts().index("first") < shop.texts().index("second")
    refused, *after = shop.fake.state.sent
    assert all(sent.ts >= gate.shut_until.timestamp() - 0.002 for sent in after)
    assert refused.outcome == "rejected"
    await until(lambda: not shop.hub.known.gates)
