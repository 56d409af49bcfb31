"""Our platforms over real HTTP with the fake ones: what goes out is taken, what goes wrong has its class."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from app.models.contact import Platform
from app.models.failure import FailureClass, Refused
from app.outside.talk import Talk
from app.platforms.facebook import Facebook
from app.platforms.heard import Echoed, Receipt, Said
from app.platforms.instagram import Instagram
from app.platforms.meta_bot import MetaBot
from app.platforms.network import Account, Network, Piece
from app.platforms.telegram import Telegram
from app.platforms.whatsapp import WhatsApp
from tests.fake_platforms import FakePlatforms, serving_platforms

PRESETS = {
    "facebook": {
        "meta_190_463": FailureClass.AUTH,
        "meta_190_460": FailureClass.AUTH,
        "meta_4": FailureClass.RATE,
        "meta_613": FailureClass.RATE,
        "meta_80007": FailureClass.RATE,
        "meta_1200": FailureClass.TRANSIENT,
        "meta_2_transient": FailureClass.TRANSIENT,
        "meta_10_2018278": FailureClass.WINDOW,
        "meta_551": FailureClass.RECIPIENT,
        "meta_100_2018001": FailureClass.RECIPIENT,
        "http_500": FailureClass.TRANSIENT,
        "http_502_html": FailureClass.TRANSIENT,
        "http_200_garbage": FailureClass.UNCERTAIN,
    },
    "instagram": {"ig_10_2534022": FailureClass.WINDOW},
    "whatsapp": {
        "wa_131047": FailureClass.WINDOW,
        "wa_131026": FailureClass.RECIPIENT,
        "wa_130429": FailureClass.RATE,
        "wa_131056": FailureClass.RATE,
        "wa_131000": FailureClass.TRANSIENT,
    },
    "telegram": {
        "tg_429": FailureClass.RATE,
        "tg_403_blocked": FailureClass.RECIPIENT,
        "tg_400_long": FailureClass.CONTENT,
        "http_502_html": FailureClass.TRANSIENT,
    },
}
ROWS = [(platform, preset, kind) for platform, rows in PRESETS.items() for preset, kind in rows.items()]
ACCOUNTS = {
    "facebook": Account(external_id="PAGE", secrets={"access_token": "good"}),
    "instagram": Account(external_id="IG", secrets={"access_token": "good", "login": "instagram"}),
    "whatsapp": Account(external_id="PNID", secrets={"access_token": "good"}),
    "telegram": Account(external_id="7", secrets={"bot_token": "7:good"}),
}
CUSTOMER = "42"


@dataclass
class Scene:
    """The fake platforms, our way of talking to them, and a receiver of their webhooks."""

    fake: FakePlatforms
    talk: Talk
    http: aiohttp.ClientSession
    told: list[tuple[dict[str, Any], bool]]

    def network(self, name: str) -> Network:
        base = self.fake.base
        by_name: dict[str, Network] = {
            "facebook": Facebook(base, "v25.0"),
            "instagram": Instagram(base, base, "v25.0"),
            "whatsapp": WhatsApp(base, "v25.0"),
            "telegram": Telegram(base),
        }
        return by_name[name]

    async def send(self, name: str, text: str = "Hello", **more: Any) -> str:
        piece = Piece(to=CUSTOMER, text=text, our_id="m1", **more)
        return await self.talk.run(self.network(name).send(ACCOUNTS[name], piece))

    async def refused(self, name: str, text: str = "Hello", **more: Any) -> FailureClass:
        with pytest.raises(Refused) as refused:
            await self.send(name, text, **more)
        return refused.value.failure.kind

    async def tell(self, what: str, **order: Any) -> Any:
        async with self.http.post(f"{self.fake.base}/__fake__/{what}", json=order) as response:
            assert response.status == 200
            return await response.json()

    async def ask(self, what: str) -> Any:
        async with self.http.get(f"{self.fake.base}/__fake__/{what}") as response:
            return await response.json()


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    told: list[tuple[dict[str, Any], bool]] = []

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        signed = "sha256=" + hmac.new(b"app-secret", body, hashlib.sha256).hexdigest()
        told.append((orjson.loads(body), request.headers.get("x-hub-signature-256") == signed))
        return web.Response()

    receiver = web.Application()
    receiver.router.add_post("/hooks/{platform}", take)
    runner = web.AppRunner(receiver)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    talk = Talk(within=0.5)
    hooks = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    async with serving_platforms(webhooks=hooks) as fake, aiohttp.ClientSession() as http:
        scene = Scene(fake, talk, http, told)
        for token in ("good", "7:good"):
            await scene.tell("tokens", token=token)
        await scene.tell("window", recipient=CUSTOMER)
        yield scene
    await talk.close()
    await runner.cleanup()


@pytest.mark.parametrize("name", ACCOUNTS)
async def test_a_message_is_taken_and_recorded(scene: Scene, name: str) -> None:
    id = await scene.send(name)
    (sent,) = await scene.ask(f"sent?platform={name}&recipient={CUSTOMER}")
    assert (sent["outcome"], sent["recipient"]) == ("delivered", CUSTOMER)
    assert id.endswith(sent["message_id"])


@pytest.mark.parametrize(("name", "preset", "kind"), ROWS)
async def test_each_preset_has_its_class_and_costs_one_call(
    scene: Scene, name: str, preset: str, kind: FailureClass
) -> None:
    await scene.tell("rules", match={"platform": name}, action={"preset": preset})
    assert await scene.refused(name) is kind
    assert [sent["outcome"] for sent in await scene.ask("sent")] == ["rejected"]
    await scene.send(name)


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ({"drop_connection": "before"}, "rejected"),
        ({"hang": True}, "rejected"),
        ({"drop_connection": "after_headers"}, "delivered_unanswered"),
        ({"accept_then_timeout": True}, "delivered_unanswered"),
    ],
)
async def test_without_an_answer_it_is_uncertain(scene: Scene, action: dict[str, Any], outcome: str) -> None:
    await scene.tell("rules", action=action)
    assert await scene.refused("facebook") is FailureClass.UNCERTAIN
    assert [sent["outcome"] for sent in await scene.ask("sent")] == [outcome]


async def test_the_platforms_are_strict(scene: Scene) -> None:
    await scene.tell("tokens", token="good", state="expired")
    with pytest.raises(Refused) as expired:
        await scene.send("facebook")
    assert expired.value.failure.renewable
    await scene.tell("tokens", token="good")
    assert await scene.refused("facebook", "x" * 2001) is FailureClass.CONTENT
    assert await scene.refused("instagram", "é" * 501) is FailureClass.CONTENT
    await scene.tell("clock", advance_s=90_000)
    assert await scene.refused("facebook") is FailureClass.WINDOW
    assert await scene.refused("instagram") is FailureClass.WINDOW
    assert await scene.send("facebook", human_agent=True)
    await scene.tell("clock", advance_s=7 * 86_400)
    assert await scene.refused("facebook", human_agent=True) is FailureClass.WINDOW
    await scene.tell("reset")
    await scene.tell("tokens", token="good")
    assert await scene.refused("facebook") is FailureClass.RECIPIENT


@pytest.mark.parametrize("name", ["facebook", "whatsapp"])
async def test_a_confirmation_may_come_before_the_answer_and_names_our_message(scene: Scene, name: str) -> None:
    await scene.tell("rules", action={"emit_first": True})
    id = await scene.send(name)
    ((payload, signed),) = scene.told
    (heard,) = scene.network(name).hear(payload)
    assert signed
    assert isinstance(heard, Echoed | Receipt)
    assert heard.our_id == "m1"
    assert id in (heard.ids if isinstance(heard, Receipt) else (heard.id,))


@pytest.mark.parametrize("name", ACCOUNTS)
async def test_a_customer_writes(scene: Scene, name: str) -> None:
    order = {"kind": "message", "platform": name, "account": "PAGE", "peer": "77", "text": "Hi", "dup": 2}
    assert (await scene.tell("emit", **order))["statuses"] == [200, 200]
    (first, _), (second, _) = scene.told
    assert first == second
    (heard,) = scene.network(name).hear(first)
    assert isinstance(heard, Said)
    assert (heard.peer, heard.text) == ("77", "Hi")


async def test_a_bad_signature_can_be_had(scene: Scene) -> None:
    await scene.tell("emit", kind="message", platform="facebook", account="P", peer="1", bad_signature=True)
    assert [signed for _, signed in scene.told] == [False]


async def test_a_bot_server_hides_what_the_graph_said(scene: Scene) -> None:
    bot, account = MetaBot(scene.fake.base, Platform.FACEBOOK), ACCOUNTS["facebook"]
    piece = Piece(to=CUSTOMER, text="Hello", our_id="m1")
    assert await scene.talk.run(bot.send(account, piece, company_id="c", customer_id="k"))
    await scene.tell("rules", action={"preset": "meta_10_2018278"})
    with pytest.raises(Refused) as refused:
        await scene.talk.run(bot.send(account, piece, company_id="c", customer_id="k"))
    assert refused.value.failure.kind is FailureClass.WINDOW


async def test_tokens_are_exchanged_and_counted(scene: Scene) -> None:
    await scene.tell("tokens", token="user", next_token="newer")
    app = "client_id=app&client_secret=app-secret"
    url = f"{scene.fake.base}/v25.0/oauth/access_token?grant_type=fb_exchange_token&{app}&fb_exchange_token="
    async with scene.http.get(f"{url}user") as response:
        assert (await response.json())["access_token"] == "newer"
    async with scene.http.get(f"{url}unknown") as response:
        assert (await response.json())["error"]["code"] == 190
    assert (await scene.ask("stats"))["refresh_calls"] == 2
