"""Keys, tokens and names that a stranger makes up, and passwords that a stranger tries."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable
from functools import partial
from uuid import uuid4

from bench.strangers.wires import CUT_OFF, Target, addresses, request, wire

GUESSES = 10_000
CONNECTIONS = 16
ADDRESS = addresses(1, network=8)[0]
GUESS_WITHIN = 60.0  # seconds for all of them
FLOOD_SECONDS = 15.0
FLOODERS = 30
PAUSE = 0.02  # seconds before a stranger whose connection was ended comes again
EMAIL = "owner@bench.test"

MadeUp = Callable[[Target, int], bytes]


def made_up_key(target: Target, number: int) -> bytes:
    """A message with a key that looks like one."""
    return request(target, "GET", "/api/v1/conversations", f"X-API-Key: pk_{number:09x}_{uuid4().hex}")


def made_up_refresh(target: Target, number: int) -> bytes:
    """A refresh with a token that never was."""
    body = json.dumps({"refresh_token": uuid4().hex + str(number)}).encode()
    return request(target, "POST", "/api/v1/auth/refresh", "Content-Type: application/json", body=body)


def made_up_channel(target: Target, number: int) -> bytes:
    """A Telegram webhook for a channel that never was."""
    headers = ("Content-Type: application/json", f"X-Telegram-Bot-Api-Secret-Token: {number}")
    return request(target, "POST", f"/api/v1/webhooks/telegram/{uuid4().hex[:24]}", *headers, body=b'{"update_id": 1}')


def wrong_password(target: Target, number: int) -> bytes:
    """A sign-in to the owner's account with a password that is wrong."""
    body = json.dumps({"email": EMAIL, "password": f"wrong password {number}"}).encode()
    return request(target, "POST", "/api/v1/auth/login", "Content-Type: application/json", body=body)


async def guessing(target: Target, made_up: MadeUp) -> None:
    """Ten thousand guesses over a few connections of one address."""
    numbers = itertools.count()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GUESS_WITHIN):
            each = (guess(target, ADDRESS, made_up, numbers, GUESSES) for _ in range(CONNECTIONS))
            await asyncio.gather(*each)


async def guess(target: Target, address: str, made_up: MadeUp, numbers: "itertools.count[int]", most: int) -> None:
    """Guess one after the other, on the next connection where one is ended, until so many have been made by all."""
    number = next(numbers)
    while number < most:
        with contextlib.suppress(*CUT_OFF):
            async with wire(target, address) as connection:
                while number < most:
                    await connection.send(made_up(target, number))
                    number = next(numbers)
                    if not await connection.answer():
                        break
        await asyncio.sleep(PAUSE)


async def sign_in_flood(target: Target) -> None:
    """Thirty addresses, each with two connections, that try passwords of one account as fast as they are answered."""
    numbers = itertools.count()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FLOOD_SECONDS):
            flooders = addresses(FLOODERS, network=9) * 2
            await asyncio.gather(*(guess(target, each, wrong_password, numbers, 1 << 40) for each in flooders))


ATTACKS = {
    "10 000 made-up keys": partial(guessing, made_up=made_up_key),
    "10 000 made-up refresh tokens": partial(guessing, made_up=made_up_refresh),
    "10 000 made-up channels": partial(guessing, made_up=made_up_channel),
}
