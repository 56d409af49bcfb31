"""The hosts that URLs name."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit


def names_public_host(url: str) -> bool:
    """Tell whether others than this machine and its neighbours may reach a URL's host, as far as its name tells.

    No name is looked up: it may be another address a moment later, so whoever fetches a URL looks at the address that
    it connects to.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # a half of [::1]
        return False
    address = _address(host)
    if address is None:
        return host not in ("", "localhost") and not host.endswith(".localhost")
    return address.is_global and not address.is_multicast


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, written as `127.1` or `2130706433` too: programs that fetch take those."""
    try:
        address = ip_address(host)
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):  # ValueError: not of ASCII
            return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
