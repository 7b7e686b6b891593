"""Hosts that are written as IP addresses, and which of those addresses are private."""

from __future__ import annotations

import ipaddress
import socket

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


def is_private_address(host: str) -> bool:
    """Return True if a host is ``localhost`` or is written as an IP address that is not on the public internet.

    >>> is_private_address("10.0.0.1"), is_private_address("0x7f000001"), is_private_address("8.8.8.8")
    (True, True, False)
    >>> is_private_address("registry.io")  # names are not resolved
    False
    """
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = read_address(host)
    return address is not None and (not address.is_global or address.is_multicast)


def read_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a host is written as, None for a name.

    IPv6 addresses that embed an IPv4 address give that one.

    >>> read_address("::ffff:10.0.0.1")
    IPv4Address('10.0.0.1')
    >>> read_address("10.0\\0.1"), read_address("ärgernis")
    (None, None)
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:  # resolvers also take 127.1, 2130706433 and 0x7f000001
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):  # a ValueError is for NUL and for what ASCII lacks
            return None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address
