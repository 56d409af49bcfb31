"""What a watcher proves itself with: a key, or a person's tokens, renewed before they run out."""

import time
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from app.commands.command import CommandError

EARLY = 60.0  # seconds before its end in which a token is not used any more
PATIENCE = aiohttp.ClientTimeout(total=10)


class Credentials(Protocol):
    """Whatever a CONNECT can be signed with."""

    async def proof(self) -> dict[str, str]:
        """Return what `auth` carries. Raises CommandError where it is refused, aiohttp's errors without an answer."""

    def forget(self) -> None:
        """Take the last proof for worthless: it was refused."""


@dataclass(frozen=True, slots=True)
class KeyCredentials:
    """An API key; it needs nothing."""

    key: str

    async def proof(self) -> dict[str, str]:
        """Return the key."""
        return {"api_key": self.key}

    def forget(self) -> None:
        """Have no other."""


class PersonCredentials:
    """An address and a password, for which the server gives tokens."""

    def __init__(self, http: aiohttp.ClientSession, url: str, email: str, password: str) -> None:
        self._http = http
        self._url = f"{url}/api/v1/auth"
        self._login = {"email": email, "password": password}
        self._access = self._refresh = ""
        self._until = 0.0

    async def proof(self) -> dict[str, str]:
        """Return an access token that is good for a while."""
        if time.monotonic() > self._until:
            await self._renew()
        return {"token": self._access}

    def forget(self) -> None:
        """Take new tokens the next time."""
        self._until = 0.0

    async def _renew(self) -> None:
        """Take the next tokens, by the refresh token where there is one; a sign-in that has ended is begun anew."""
        if not (self._refresh and await self._taken("refresh", {"refresh_token": self._refresh})) and not (
            await self._taken("login", self._login)
        ):
            raise CommandError("This address and password do not go together.")

    async def _taken(self, how: str, body: dict[str, str]) -> bool:
        """Tell whether tokens were given; False where the server says who we are not."""
        async with self._http.post(f"{self._url}/{how}", json=body, timeout=PATIENCE) as response:
            if response.status in (401, 422):
                return False
            response.raise_for_status()
            self._keep((await response.json())["data"])
            return True

    def _keep(self, tokens: dict[str, Any]) -> None:
        self._access, self._refresh = tokens["access_token"], tokens["refresh_token"]
        self._until = time.monotonic() + tokens["expires_in"] - EARLY
