"""How the text of a variable becomes a value: durations, lists, addresses, key rings."""

import base64
import binascii
import re
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

SECOND = timedelta(seconds=1)
UNITS = {"ms": SECOND / 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": timedelta(days=1)}
LONGEST = timedelta(days=3650)
DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*(ms|s|m|h|d)?")
# What a browser sends as Origin: scheme, host and port alone (RFC 6454, section 6.1).
ORIGIN = re.compile(r"https?://[^/\s?#@]+")
WEB_ADDRESS = re.compile(ORIGIN.pattern + r"(/[^\s?#]*)?")
GRAPH_VERSION = re.compile(r"v\d+\.\d+")
# AES-256 and Fernet both take 32 bytes.
ENCRYPTION_KEY_BYTES = 32


class Environment(StrEnum):
    """What a server is for; it decides what is generated, forgiven and shown."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"
    TEST = "test"


class LogLevel(StrEnum):
    """The least serious thing that is still logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def duration(given: Any) -> Any:
    """Read "15m", "7d", "250ms" or plain seconds; leave what is a duration already."""
    if isinstance(given, timedelta):
        return given
    match = DURATION.fullmatch(str(given).strip().lower())
    seconds = float(match[1]) * UNITS[match[2] or "s"].total_seconds() if match else 0.0
    if not 0 < seconds <= LONGEST.total_seconds():
        raise ValueError("must be a duration such as 30s, 15m, 7d or a number of seconds")
    return timedelta(seconds=seconds)


def listed(given: Any) -> Any:
    """Split a comma-separated text, without the empty places."""
    if not isinstance(given, str):
        return given
    return tuple(part.strip() for part in given.split(",") if part.strip())


def upper(given: Any) -> Any:
    """Let a level be written as "debug" too."""
    return given.upper() if isinstance(given, str) else given


def web_address(given: str) -> str:
    """Accept an http(s) address to which paths are appended, and drop its closing slash."""
    if not WEB_ADDRESS.fullmatch(given):
        raise ValueError("must be an address such as https://example.com")
    return given.rstrip("/")


def origin(given: str) -> str:
    """Accept an origin, or * for every one; a browser writes it in lower case and without a closing slash."""
    bare = given.rstrip("/").lower()
    if "*" in bare and bare != "*":
        raise ValueError("must name each origin in full, since a * in one matches nothing")
    if bare != "*" and not ORIGIN.fullmatch(bare):
        raise ValueError("must list origins such as https://app.example.com, without a path")
    return bare


def graph_version(given: str) -> str:
    """Accept a version as Meta writes it in its addresses."""
    if not GRAPH_VERSION.fullmatch(given):
        raise ValueError("must look like v25.0")
    return given


def network(given: Any) -> IPv4Network | IPv6Network:
    """Accept one address or a whole network."""
    try:
        return ip_network(str(given))
    except ValueError:
        raise ValueError("must list addresses or networks such as 127.0.0.1 or 10.0.0.0/8") from None


def encryption_key(given: SecretStr) -> SecretStr:
    """Accept 32 bytes in URL-safe base64 (RFC 4648, section 5)."""
    try:
        key = base64.b64decode(given.get_secret_value(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != ENCRYPTION_KEY_BYTES:
        raise ValueError("must list keys of 32 bytes in URL-safe base64")
    return given


def with_scheme(*schemes: str) -> AfterValidator:
    """Make the check that an address starts with one of these schemes."""
    starts = tuple(f"{scheme}://" for scheme in schemes)

    def check(given: SecretStr) -> SecretStr:
        if not given.get_secret_value().startswith(starts):
            raise ValueError("must start with " + " or ".join(starts))
        return given

    return AfterValidator(check)


Duration = Annotated[timedelta, BeforeValidator(duration)]
Level = Annotated[LogLevel, BeforeValidator(upper)]
Secret = Annotated[SecretStr, Field(min_length=32)]
WebAddress = Annotated[str, AfterValidator(web_address)]
GraphVersion = Annotated[str, AfterValidator(graph_version)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(origin)], ...], BeforeValidator(listed)]
Networks = Annotated[
    tuple[Annotated[IPv4Network | IPv6Network, BeforeValidator(network)], ...], BeforeValidator(listed)
]
KeyRing = Annotated[tuple[Annotated[SecretStr, AfterValidator(encryption_key)], ...], BeforeValidator(listed)]
MongoAddress = Annotated[SecretStr, with_scheme("mongodb", "mongodb+srv")]
RedisAddress = Annotated[SecretStr, with_scheme("redis", "rediss", "unix")]
MailAddress = Annotated[SecretStr, with_scheme("smtp", "smtps")]
