"""Settings of production that work and leave something open to strangers: `serve` logs each at its start."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import parse_qs

from app.settings import Settings
from app.settings_mistakes import Mistake

TRUE = ("true", "1")


def unsafe_settings(settings: Settings) -> Iterator[Mistake]:
    """Yield a sentence for each setting that leaves something open in production; none of them shows its value."""
    if not settings.is_production:
        return
    if settings.public_url is not None and not settings.public_url.startswith("https://"):
        yield Mistake(
            "PUBLIC_URL",
            "PUBLIC_URL is not https: platforms refuse such webhooks, and tokens and texts cross in clear.",
        )
    if settings.mongodb_uri is not None:
        yield from _of_mongodb(settings.mongodb_uri.get_secret_value())
    if settings.redis_url is not None:
        yield from _of_redis(settings.redis_url.get_secret_value())


def _of_mongodb(uri: str) -> Iterator[Mistake]:
    scheme, users, hosts, options = address_parts(uri)
    # An SRV address turns TLS on by itself: https://www.mongodb.com/docs/manual/reference/connection-string/
    tls = options.get("tls") or options.get("ssl") or ("true" if scheme == "mongodb+srv" else "false")
    if tls not in TRUE and not _all_here(hosts):
        yield Mistake(
            "MONGODB_URI", "MONGODB_URI has no tls=true: what the database is asked and says crosses in clear."
        )
    if not users and "authmechanism" not in options:
        yield Mistake("MONGODB_URI", "MONGODB_URI names no user: whoever reaches the database can read and change it.")


def _of_redis(url: str) -> Iterator[Mistake]:
    scheme, users, hosts, options = address_parts(url)
    if scheme == "unix":  # a file, with an owner
        return
    if not users.partition(":")[2] and "password" not in options:
        yield Mistake("REDIS_URL", "REDIS_URL has no password: whoever reaches Redis hears what passes, texts too.")
    if scheme != "rediss" and not _all_here(hosts):
        yield Mistake(
            "REDIS_URL", "REDIS_URL is not rediss: what passes between processes, texts too, crosses in clear."
        )


def address_parts(address: str) -> tuple[str, str, str, dict[str, str]]:
    """Return an address's scheme, its user and password, its hosts and its options, the latter in lower case."""
    scheme, _, rest = address.partition("://")
    before, _, query = rest.partition("?")
    users, _, hosts = before.partition("/")[0].rpartition("@")
    return scheme, users, hosts, {name.lower(): values[-1].lower() for name, values in parse_qs(query).items()}


def _all_here(hosts: str) -> bool:
    """Tell whether each of these hosts is this machine, so that nothing crosses a network."""
    return all(_is_here(host) for host in hosts.split(","))


def _is_here(host: str) -> bool:
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name in ("", "localhost") or name.endswith(".sock")
