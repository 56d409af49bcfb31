"""Accounts of the fake platforms, and what connecting them takes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.desk import Desk, open_desk
from tests.fake_platforms import FakePlatforms, serving_platforms
from tests.fake_platforms.state import Rule, Token, whatsapp_token

PUBLIC = "https://chat.acme.test"
FRONTEND = "https://desk.example"
APP = {"FACEBOOK_APP_ID": "123", "FACEBOOK_APP_SECRET": "app-secret", "META_VERIFY_TOKEN": "verify"}
# A connection of each platform, and what it is for.
BODIES: dict[str, dict[str, Any]] = {
    "facebook": {"external_id": "1001", "credentials": {"access_token": "page-tok-1", "user_token": "user-tok-1"}},
    "instagram": {"external_id": "2001", "credentials": {"access_token": "insta-tok-1", "login": "instagram"}},
    "whatsapp": {"external_id": "3001", "credentials": {"access_token": "whats-tok-1"}},
    "telegram": {"credentials": {"bot_token": "4001:bot-tok-1", "secret_token": "hook-secret-1"}},
}
TOKENS: dict[str, Token] = {
    "page-tok-1": Token(account="1001"),
    "user-tok-1": Token(account="person-1"),
    "insta-tok-1": Token(account="2001"),
    "whats-tok-1": whatsapp_token("3001"),
    "4001:bot-tok-1": Token(),
}
SECRETS = (*TOKENS, "hook-secret-1")


@dataclass
class Place:
    """A desk, and the platforms that it speaks to; every token of `BODIES` is valid there."""

    desk: Desk
    fake: FakePlatforms

    def forget(self) -> None:
        """Let the platforms be as they were at first."""
        self.fake.state.rules.clear()
        self.fake.state.tokens = {token: replace(known) for token, known in TOKENS.items()}
        self.fake.state.webhooks.clear()
        self.fake.state.pages.clear()

    def rule(self, path: str, preset: str, times: int = -1) -> None:
        """Let questions at a path go wrong."""
        self.fake.state.rules.append(Rule(match={"path": path}, action={"preset": preset}, times=times))

    def revoke(self, *tokens: str) -> None:
        """Take tokens back."""
        for token in tokens:
            self.fake.state.tokens[token] = Token(state="revoked")


@asynccontextmanager
async def open_place(mongo_uri: str, tmp_path: Path, **settings: str) -> AsyncIterator[Place]:
    """Serve a company whose platforms are the fake ones."""
    async with serving_platforms() as fake:
        given = dict.fromkeys(("GRAPH_BASE_URL", "IG_GRAPH_BASE_URL", "TELEGRAM_BASE_URL"), fake.base)
        given |= {"PLATFORM_TIMEOUT": "1s", "PUBLIC_URL": PUBLIC, "FRONTEND_URL": FRONTEND, **APP, **settings}
        async with open_desk(mongo_uri, tmp_path, **given) as desk:
            place = Place(desk, fake)
            place.forget()
            yield place


def body(platform: str, **more: Any) -> dict[str, Any]:
    """Return the body that connects an account."""
    return {"platform": platform, **BODIES.get(platform, {}), **more}


async def connected(desk: Desk, platform: str, **more: Any) -> dict[str, Any]:
    """Connect an account and return its channel."""
    data: dict[str, Any] = (await desk.post("/channels", body(platform, **more)))["data"]
    return data
