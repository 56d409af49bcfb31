"""A platform that is down is left alone but for a probe, and what its channels were told survives a restart."""

from pathlib import Path

import pytest

from app.actions.watch_gate import note_failure, refresh_gates
from app.main import build_app
from app.models.contact import Platform
from app.models.entity import ChannelId
from app.models.failure import Failure, FailureClass
from app.models.gate import Gate
from tests.delivery.shop import open_shop
from tests.waiting import until

FB, TG = Platform.FACEBOOK, Platform.TELEGRAM


async def test_after_ten_failures_in_a_row_only_a_probe_goes(
    mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.models.gate.PROBE_AFTER", 1.0)
    async with open_shop(mongo_uri, tmp_path, FB, TG) as shop:
        customers = [await shop.customer(FB, name=f"C{n}") for n in range(12)]
        shop.rule({"preset": "http_500"}, match={"platform": "facebook"}, times=12)
        messages = [await shop.reply(each, FB, str(n)) for n, each in enumerate(customers)]
        await until(lambda: any(gate.probes for gate in shop.hub.known.gates.values()))
        refused = shop.calls()
        assert refused <= 12
        assert (await shop.outcome(await shop.reply(await shop.customer(TG), TG)))["state"] == "sent"
        for message in messages:
            assert (await shop.outcome(message, within=30))["state"] == "sent"
        assert len(shop.texts()) == 13
        await until(lambda: not shop.hub.known.gates)


async def test_a_restart_does_not_forget_how_long_a_platform_wants_to_be_left_alone(
    mongo_uri: str, tmp_path: Path
) -> None:
    async with open_shop(mongo_uri, tmp_path, TG) as shop:
        shop.rule({"preset": "tg_429", "retry_after": 3})
        message = await shop.reply(await shop.customer(TG), TG)
        await until(lambda: shop.hub.known.gates)
        gate = next(iter(shop.hub.known.gates.values()))
        assert gate.shut_until is not None
        second = await build_app(shop.hub.settings, shop.desk.uri)
        assert (await shop.outcome(message))["state"] == "sent"
        assert shop.calls() == 2
        assert shop.fake.state.sent[1].ts >= gate.shut_until.timestamp() - 0.002
        await second.cleanup()


async def test_what_is_learned_while_gates_are_read_is_not_forgotten(
    mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_shop(mongo_uri, tmp_path, TG) as shop:
        failure = Failure(kind=FailureClass.RATE, code="429", reason="Busy.", wait=60)
        read = shop.hub.store.gates.all

        async def slowly() -> dict[ChannelId, Gate]:
            found = await read()
            await note_failure(shop.hub, shop.channels[TG], failure)
            return found

        monkeypatch.setattr(shop.hub.store.gates, "all", slowly)
        await refresh_gates(shop.hub)
        assert shop.hub.known.gates[shop.channels[TG]].shut_until
