"""A client of the REST API that asks again after a cut, a full server or a limit; one key makes it one request."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import aiohttp

from app.commands.command import CommandError
from app.commands.credentials import Credentials
from app.commands.output import note
from app.commands.subscription import delays

ANSWER_WAIT = aiohttp.ClientTimeout(total=20)  # a server waits for a platform for 12 s
PATIENT = 60.0  # seconds for which it is tried again
LATER = (429, 502, 503, 504)  # ours, and what a proxy says while servers change


class _Again(Exception):
    """No answer yet; `after` is how many seconds the server would have us wait."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class Rest:
    """The API of one server, as one caller."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, credentials: Credentials, patient: float = PATIENT
    ) -> None:
        self._http = http
        self._url = url
        self._credentials = credentials
        self._patient = patient

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the data of the answer. Raises CommandError for a refusal, and where no answer comes in time."""
        headers = {"Idempotency-Key": str(uuid4())}  # made once: however often it is sent, it is done once
        until, waits, told = time.monotonic() + self._patient, delays(), False
        while True:
            try:
                return await self._asked(method, path, body, headers)
            except _Again as again:
                wait = max(next(waits), again.after)
                if time.monotonic() + wait > until:
                    unsure = (
                        "" if method == "GET" else " It may have been done all the same: look before you try again."
                    )
                    raise CommandError(f"{self._url}: {again}.{unsure}") from None
                if not told:
                    note(f"{again}; trying again")
                told = True
                await asyncio.sleep(wait)

    async def _asked(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        try:
            who = _headers(await self._credentials.proof())
            async with self._http.request(
                method, f"{self._url}/api/v1{path}", json=body, headers={**headers, **who}, timeout=ANSWER_WAIT
            ) as response:
                if response.status in LATER:
                    raise _Again("the server cannot answer just now", _seconds(response))
                return _data(await response.json(content_type=None))
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise _Again("no server answers there") from error
        except ValueError:
            raise CommandError(f"{self._url} answers, and is no Parley server.") from None


def _headers(proof: dict[str, str]) -> dict[str, str]:
    return {"X-API-Key": proof["api_key"]} if "api_key" in proof else {"Authorization": f"Bearer {proof['token']}"}


def _seconds(response: aiohttp.ClientResponse) -> float:
    after = response.headers.get("Retry-After", "")
    return float(after) if after.isdecimal() else 0.0


def _data(answer: Any) -> Any:
    if not isinstance(answer, dict) or "success" not in answer:
        raise ValueError("not one of our answers")
    if not answer["success"]:
        error = answer["error"]
        told = [f"{each['field']}: {each['message']}" for each in error.get("details") or ()]
        raise CommandError(" ".join((error["message"], *told)))
    return answer["data"]
