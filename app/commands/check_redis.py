"""The check of `doctor` that uses Redis as servers do: one connection rings, another hears it."""

import asyncio
import time
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from app.commands.finding import Finding, State
from app.outside.doorbell import PATIENCE
from app.settings import Settings

CHECK = "redis"
WITHIN = 2.0  # seconds: more than the server's own patience, to tell a slow Redis from one that is away
ALONE = "REDIS_URL is not set, as one process needs none; several hear of each other up to a second later"
UNREADABLE = "REDIS_URL cannot be read: a sign such as @ : / in its password must be percent-encoded."
UNREACHED = "Does it run, does REDIS_URL name it, and does the scheme fit: rediss:// with TLS, redis:// without?"
RIGHTS = "Mend the password in REDIS_URL; a user of an ACL needs PUBLISH and SUBSCRIBE on the channels parley:*."
SLOW = "The server waits {:g} s for Redis and then polls instead: have it nearer, or find out what keeps it busy."


async def of_redis(settings: Settings) -> AsyncIterator[Finding]:
    """Ring through the Redis of REDIS_URL and listen, as two servers would."""
    if settings.redis_url is None:
        yield Finding(CHECK, State.OK, ALONE)
        return
    try:
        client = _client(settings.redis_url.get_secret_value())
    except ValueError:  # its words may quote the password
        yield Finding(CHECK, State.PROBLEM, UNREADABLE, "Set REDIS_URL anew, or remove it.")
        return
    async with client:
        yield await _carried(client, f"parley:{settings.database}:doctor")


def _client(url: str) -> Redis:
    return Redis.from_url(
        url, protocol=2, socket_timeout=WITHIN, socket_connect_timeout=WITHIN, retry=Retry(NoBackoff(), 0)
    )


async def _carried(client: Redis, channel: str) -> Finding:
    where = _place(client)
    try:
        took = await _round_trip(client, channel)
    except (AuthenticationError, ResponseError) as error:  # what Redis itself said, which never repeats a password
        return Finding(CHECK, State.PROBLEM, f"The Redis at {where} refuses: {error}", RIGHTS)
    except (RedisError, OSError, TimeoutError) as error:
        reason = str(error) or "it took too long"
        return Finding(CHECK, State.PROBLEM, f"No Redis answers at {where}: {reason}", UNREACHED)
    says, facts = f"{where} carries a ring in {took * 1000:.1f} ms", {"address": where, "seconds": took}
    if took > PATIENCE:
        return Finding(CHECK, State.WARNING, says, SLOW.format(PATIENCE), facts)
    return Finding(CHECK, State.OK, says, facts=facts)


async def _round_trip(client: Redis, channel: str) -> float:
    """Return the seconds from a ring to its being heard. No server attends this channel."""
    async with asyncio.timeout(3 * WITHIN), client.pubsub() as ears:
        await ears.subscribe(channel)
        await ears.get_message(timeout=WITHIN)  # that we are subscribed
        began = time.monotonic()
        await client.publish(channel, b"")
        if await ears.get_message(ignore_subscribe_messages=True, timeout=WITHIN) is None:
            raise TimeoutError("a ring was not heard")
        return time.monotonic() - began


def _place(client: Redis) -> str:
    known = client.connection_pool.connection_kwargs
    return str(known["path"]) if "path" in known else f"{known.get('host', 'localhost')}:{known.get('port', 6379)}"
