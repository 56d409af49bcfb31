"""Who is at the other end: the connection's address, or the one that a trusted proxy names."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

WIDE = 4  # times as much as one site is allowed to an IPv6 network of 48 bits: it has 65 536 sites, of a few customers


def real_address(remote: str | None, forwarded_for: str, trusted: Iterable[Network]) -> str:
    """Return the nearest address in the chain that is not one of our own proxies.

    `forwarded_for` is the X-Forwarded-For header; what stands left of an untrusted address can be anyone's invention.
    """
    nearest = remote or "unknown"
    networks = tuple(trusted)
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    while hops and is_trusted(nearest, networks):
        nearest = hops.pop()
    return nearest


def is_trusted(address: str, trusted: Iterable[Network]) -> bool:
    """Tell whether an address is that of a proxy of ours; one of IPv4 may come in the clothes of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in trusted)


def site_of(address: str) -> str:
    """Return what limits count an address as: an IPv6 network of 64 bits, since one customer has all of it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else str(ip_network((parsed, 64), strict=False))


def wide_site_of(address: str) -> str | None:
    """Return the IPv6 network of 48 bits that an address is in, where one customer may have very many sites."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if not isinstance(parsed, IPv6Address) or parsed.ipv4_mapped:
        return None
    return str(ip_network((parsed, 48), strict=False))
