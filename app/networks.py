"""Networks of the internet, as settings name them."""

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """The networks of a list as settings hold it: ``127.0.0.0/8, ::1``.

    Raises:
        ValueError: one is not a network.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
