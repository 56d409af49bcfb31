"""Connections are counted by where they come from, as every other limit counts."""

import asyncio
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from loguru import logger

from app.handlers.crowd import TELL, Crowd
from app.outside.peer import WIDE
from app.settings import Settings

CLIENT = "2001:db8:1:2::1"


def coming_from(address: str) -> asyncio.Transport:
    return asyncio.Transport({"peername": (address, 50_000)})


@pytest.fixture
def crowd() -> Crowd:
    proxies = (ip_network("10.0.0.0/8"),)
    return Crowd(Settings(sockets_per_address=2, trusted_proxies=proxies))


@pytest.mark.parametrize("others", [(CLIENT, CLIENT), ("2001:db8:1:2::2", "2001:db8:1:2:ffff::")])
def test_a_network_of_64_bits_is_one_address(crowd: Crowd, others: tuple[str, str]) -> None:
    sites = [crowd.enter(coming_from(each)) for each in others]
    assert crowd.enter(coming_from(CLIENT)) is None
    assert crowd.enter(coming_from("2001:db8:1:3::1")) is not None
    crowd.leave(str(sites[0]))
    assert crowd.enter(coming_from(CLIENT)) is not None


def test_a_network_of_48_bits_is_not_65536_addresses(crowd: Crowd) -> None:
    sites = [crowd.enter(coming_from(f"2001:db8:1:{n:x}::1")) for n in range(20)]
    assert sum(site is not None for site in sites) == WIDE * 2
    assert crowd.enter(coming_from("2001:db8:2::1")) is not None
    crowd.leave(str(sites[0]))
    assert crowd.enter(coming_from("2001:db8:1:ffff::1")) is not None


def test_an_address_of_ipv4_is_the_same_in_the_clothes_of_ipv6(crowd: Crowd) -> None:
    for each in ("192.0.2.1", "::ffff:192.0.2.1"):
        assert crowd.enter(coming_from(each)) is not None
    assert crowd.enter(coming_from("192.0.2.1")) is None
    for _ in range(5):
        assert crowd.enter(coming_from("::ffff:10.1.2.3")) == "", "our proxy"


def test_a_connection_without_an_address_does_not_count(crowd: Crowd) -> None:
    for _ in range(5):
        assert crowd.enter(asyncio.Transport({"peername": ""})) == "", "a socket of the file system"


def test_without_limits_nothing_is_counted() -> None:
    crowd = Crowd(Settings(sockets_per_address=1, rate_limits=False))
    assert [crowd.enter(coming_from(CLIENT)) for _ in range(3)] == ["", "", ""]


@pytest.fixture
def warned() -> Iterator[list[Any]]:
    lines: list[Any] = []
    sink = logger.add(lambda message: lines.append(message.record["extra"]), level="WARNING")
    yield lines
    logger.remove(sink)


def test_the_log_says_once_a_minute_who_was_turned_away(crowd: Crowd, warned: list[Any]) -> None:
    for _ in range(2 + 5):
        crowd.enter(coming_from(CLIENT))
    for now in (0.0, 1.0, TELL - 1, TELL, 2 * TELL):
        crowd.tell(now)
        if now == 1.0:
            crowd.enter(coming_from(CLIENT))
    assert warned == [{"count": count, "most_from": "2001:db8:1:2::/64"} for count in (5, 1)]
