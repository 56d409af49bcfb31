"""The origins whose web pages may call this server, over REST and sockets alike. RFC 6454.

Programs send no Origin, and a browser's page cannot leave it out. A page is let in whose origin, scheme and port
included, is that of PUBLIC_URL or one of CORS_ORIGINS. Outside production those of this machine are let in too, and the
page whose origin is the address that it calls; in production that address proves nothing: a stranger may give a name
of theirs our address (DNS rebinding), and their page's origin and its Host are then the same.
"""

import re
from urllib.parse import unquote, urlsplit

from aiohttp import hdrs, web
from loguru import logger

from app.settings import Settings

THIS_MACHINE = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}  # browsers leave them out
MOST_LOGGED = 100  # origins: a stranger who makes them up must not fill the log
LONGEST_LOGGED = 200  # characters of one


class Origins:
    """The check of a request's Origin; one that is refused is logged once, with the setting that lets it in."""

    def __init__(self, settings: Settings) -> None:
        self._strict = settings.is_production
        self._known = {*settings.cors_origins, *((origin_of(settings.public_url),) if settings.public_url else ())}
        self._logged: set[str] = set()

    def allow(self, request: web.BaseRequest) -> bool:
        """Return whether a request may be answered to the page that sent it."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or origin in self._known or "*" in self._known:
            return True
        if not self._strict and (THIS_MACHINE.fullmatch(origin) or origin == f"{request.scheme}://{request.host}"):
            return True
        self._log(origin)
        return False

    def _log(self, origin: str) -> None:
        origin = origin[:LONGEST_LOGGED]
        if origin not in self._logged and len(self._logged) < MOST_LOGGED:
            self._logged.add(origin)
            logger.bind(origin=origin, setting="CORS_ORIGINS").warning("origin refused")


def origin_of(address: str) -> str:
    """Return the origin of the pages at an http(s) address, as a browser writes it."""
    parts = urlsplit(address.lower())
    return f"{parts.scheme}://{parts.netloc.removesuffix(DEFAULT_PORTS[parts.scheme])}"


def is_below(base: str, address: str) -> bool:
    """Tell whether a page lies below an address: of the same origin, in the same folder, by no detour."""
    page, home = urlsplit(address), urlsplit(base).path.rstrip("/")
    steps = unquote(page.path).split("/")
    if "\\" in address or ".." in steps or page.fragment or origin_of(address) != origin_of(base):
        return False
    return page.path == home or page.path.startswith(f"{home}/")
