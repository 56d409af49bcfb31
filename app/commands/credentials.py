"""Where a client of ours finds its server, and proves who it is: a key, or a person's tokens, renewed in time.

A command's arguments are for everyone on the machine to read, so a key comes from PARLEY_KEY or standard input.
"""

import getpass
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from app.commands.arguments import line_of_stdin
from app.commands.command import CommandError
from app.commands.output import note
from app.commands.surroundings import variables_here
from app.settings_values import web_address

EARLY = 60.0  # seconds before its end in which a token is not used any more
URL = "http://127.0.0.1:4000"  # where `make run` serves
KEY = "PARLEY_KEY"
SEEN = "Everyone on this machine can read a command's arguments: {} keeps it to yourself."
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


def take_server(parser: ArgumentParser, scopes: str) -> None:
    """Let the caller say where the server is, and who they are."""
    parser.add_argument("--url", type=_url, default=URL, help=f"where the server is; without it {URL}")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--key-stdin", action="store_true", help=f"read the API key from standard input, not {KEY}")
    who.add_argument("--key", help=f"an API key with {scopes}; better in the variable {KEY}, which nobody else sees")
    who.add_argument("--email", help="the address of a member of staff, instead of a key")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--password-stdin", action="store_true", help="read that person's password from standard input")
    secret.add_argument("--password", help="that person's password; without it, it is asked for")


def _url(given: str) -> str:
    try:
        return web_address(given)
    except ValueError as error:
        raise ArgumentTypeError(f"{given!r} {error}") from None


def credentials_of(args: Namespace, http: aiohttp.ClientSession) -> Credentials:
    """Return what the arguments, standard input or the environment prove. Raises CommandError."""
    if args.email:
        return PersonCredentials(http, args.url, args.email, _password(args))
    if args.key:
        note(SEEN.format(KEY))
    key = line_of_stdin() if args.key_stdin else args.key or variables_here().get(KEY)
    if not key:
        raise CommandError(f"Put an API key into {KEY}, or pass --key-stdin or --email.")
    return KeyCredentials(key)


def _password(args: Namespace) -> str:
    if args.password_stdin:
        return line_of_stdin()
    if args.password is not None:
        note(SEEN.format("--password-stdin"))
        return str(args.password)
    if not sys.stdin.isatty():
        raise CommandError("A password goes with --email: --password-stdin.")
    return getpass.getpass("Password: ")
