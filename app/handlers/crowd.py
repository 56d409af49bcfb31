"""How many connections one address may hold, counted from the moment in which they are accepted.

Websockets are counted apart, over all processes, by `app.sockets.limits`: whoever has as many of those as they may can
still ask over HTTP, and the other way round.
"""

import asyncio
from collections import Counter

from loguru import logger

from app.outside.peer import WIDE, is_trusted, site_of, wide_site_of
from app.settings import Settings

TELL = 60.0  # seconds between two lines of the log that say who was turned away


class Crowd:
    """The HTTP connections of each address; those of our own proxies are not counted, for many come through one."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.sockets_per_address if settings.rate_limits else None
        self._trusted = settings.trusted_proxies
        self._of: Counter[str] = Counter()
        self._turned_away: Counter[str] = Counter()
        self._told = float("-inf")

    def enter(self, transport: asyncio.Transport) -> str | None:
        """Count a connection; return under what, empty when it does not count, None when it is one too many."""
        peer = transport.get_extra_info("peername")
        if self._most is None or not isinstance(peer, tuple) or is_trusted(peer[0], self._trusted):
            return ""
        site = site_of(peer[0])
        wide = _around(site)
        if self._of[site] >= self._most or (wide and self._of[wide] >= WIDE * self._most):
            self._turned_away[site] += 1
            return None
        self._of.update((site, wide) if wide else (site,))
        return site

    def leave(self, site: str) -> None:
        """Count a connection out."""
        for name in filter(None, (site, _around(site))):
            self._of[name] -= 1
            if not self._of[name]:
                del self._of[name]

    def tell(self, now: float) -> None:
        """Log who was turned away, once a minute: a line for each would be their next way in."""
        if self._turned_away and now - self._told >= TELL:
            ((site, _),) = self._turned_away.most_common(1)
            count, self._told = self._turned_away.total(), now
            logger.bind(count=count, most_from=site).warning("connections turned away: their address holds too many")
            self._turned_away.clear()


def _around(site: str) -> str | None:
    """Return the IPv6 network of 48 bits that a site is in, which is counted as well."""
    return wide_site_of(site.partition("/")[0])
