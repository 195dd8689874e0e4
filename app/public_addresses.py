"""What a client may have us connect to: only https, and only what is public on the internet.

What is said of it names no host and no address, because who can make us connect could read there what we can reach.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from app.networks import Network

MAX_URL_CHARACTERS = 2048

Address = IPv4Address | IPv6Address

_GLOBAL_IPV6: Final = IPv6Network("2000::/3")
"""All that is given out for use on the internet; the rest is local, reserved, multicast, or a way to IPv4."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NEVER: Final = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments, some of which count as global
        "192.88.99.0/24",  # the old relays to 6to4
        "3fff::/20",  # documentation
    )
)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet: global unicast, also where it only wraps an IPv4 address."""
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved)
    wrapped = _wrapped_ipv4(address)
    if wrapped is not None:
        return is_public(wrapped)
    return address.is_global and address in _GLOBAL_IPV6


def url_problem(url: str, allowed: Sequence[Network] = ()) -> str | None:
    """What is wrong with a URL that a client wants to be told at, in words for the client; None if nothing is.

    It must be https, with a host and without user, password or fragment. Plain http is for hosts in ``allowed``,
    written as an address. That the host is public is seen when it is connected to, and here where it is an address.
    """
    if len(url) > MAX_URL_CHARACTERS:
        return f"must have at most {MAX_URL_CHARACTERS} characters"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must be plain ASCII without spaces"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if not parts.hostname or port == 0:
        return "must name a host"
    if "@" in parts.netloc or "#" in url:
        return "must have no user, password or fragment"
    return _destination_problem(parts, allowed)


def is_within(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is in one of these networks."""
    return any(address in network for network in allowed if network.version == address.version)


def _destination_problem(parts: SplitResult, allowed: Sequence[Network]) -> str | None:
    address = _literal_address(parts.hostname or "")
    is_allowed = address is not None and is_within(address, allowed)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_allowed):
        return "must begin with https://"
    if address is not None and not is_allowed and not is_public(address):
        return "must be on the public internet"
    return None


def _literal_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _wrapped_ipv4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that traffic to an IPv6 one may end at: mapped, 6to4, or through a NAT64 gateway."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
