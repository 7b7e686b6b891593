"""Which proxy leads to a URL, and which hosts ``NO_PROXY`` lets be asked directly.

The rules are those of Go (https://pkg.go.dev/golang.org/x/net/http/httpproxy), since these variables are written for docker,
podman and skopeo. The variables with names in capitals come first, ``ALL_PROXY`` is read too, and hosts on this machine
have no proxy.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from ocisize.errors import RegistryError
from ocisize.oci.reference import is_loopback
from ocisize.values import frozen

_PROXY_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_HOST = re.compile(r"\S+")
_PORTS = {"http": 80, "https": 443}
_HOST_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*):([^:]*)")


@frozen
class _Entry:
    """One entry of ``NO_PROXY``: a network, or the end of a name; ``port`` is None for all ports."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    suffix: str = ""  #: with its leading dot
    itself: bool = False  #: True if the name without the leading dot matches, too
    port: str | None = None

    def matches(self, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: str) -> bool:
        """Return True if a host may be asked directly; ``address`` is the host as an IP address."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address is not None and address in self.network
        return address is None and (host.endswith(self.suffix) or (self.itself and host == self.suffix[1:]))


_EVERYTHING = _Entry(suffix="", itself=True)


def find_proxy(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for a URL, None if its host is asked directly.

    Raises RegistryError, which names the variable, for what is not the address of a proxy.

    >>> environment = {"HTTPS_PROXY": "proxy.corp:3128", "NO_PROXY": "*.corp, 10.0.0.0/8"}
    >>> find_proxy("https://registry.io/v2/", environment), find_proxy("https://registry.corp/v2/", environment)
    ('http://proxy.corp:3128', None)
    """
    parts = urlsplit(url)
    names = [f"{parts.scheme}_proxy", "all_proxy"]
    if parts.scheme == "http" and "REQUEST_METHOD" in environment:
        names = ["all_proxy"]  # in a CGI program, HTTP_PROXY is a header of the client: https://httpoxy.org
    variable, proxy = _read(names, environment)
    if not proxy or is_loopback(parts.netloc.rpartition("@")[2]):
        return None
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    return None if is_direct(host, port, _read(["no_proxy"], environment)[1]) else _parse_proxy(variable, proxy)


def _parse_proxy(variable: str, text: str) -> str:
    """Return the URL of a proxy; raise RegistryError, which does not repeat the text, since it may hold a password."""
    scheme, _, rest = (text if "://" in text else f"http://{text}").partition("://")
    scheme = scheme.lower()
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        is_valid = scheme in _PROXY_SCHEMES and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        hint = "set it to http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT"
        raise RegistryError(f"the variable {variable} is not the address of a proxy", hint=hint)
    # Go leaves the names of hosts to the proxy, which requests does for another name of the scheme only.
    return f"{'socks5h' if scheme == 'socks5' else scheme}://{rest}"


def is_direct(host: str, port: int, no_proxy: str) -> bool:
    """Return True if an entry of ``NO_PROXY`` matches a host.

    An entry is a name (with all names below it), ``.name`` or ``*.name`` (only the names below it), an IP address, a network
    in CIDR notation, or ``*`` for everything. A name or an address may have a port.

    >>> is_direct("reg.corp", 443, "corp"), is_direct("corp", 443, ".corp"), is_direct("reg.corp", 443, "corp:5000")
    (True, False, False)
    """
    host = _ascii(host.lower())
    try:
        address = _plain(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        address = None
    entries = (_parse_entry(text.strip().lower()) for text in no_proxy.split(","))
    return any(entry is _EVERYTHING or entry.matches(host, address, str(port)) for entry in entries if entry)


def _parse_entry(text: str) -> _Entry | None:
    """Return the meaning of an entry in lower case, None if it is none."""
    if text == "*":
        return _EVERYTHING
    if "/" in text:
        try:
            return _Entry(_plain_network(ipaddress.ip_network(text, strict=False)))
        except ValueError:
            pass
    match = _HOST_PORT.fullmatch(text)
    name, port = (match[1], match[2] or None) if match else (text, None)
    try:
        address = _plain(ipaddress.ip_address(name.strip("[]") if match else name))
    except ValueError:
        pass
    else:
        return _Entry(ipaddress.ip_network(address), port=port)
    if not name:
        return None
    name = name[1:] if name.startswith("*.") else name
    itself = not name.startswith(".")
    return _Entry(suffix=_ascii(f".{name}" if itself else name), itself=itself, port=port)


def _read(names: Iterable[str], environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the first variable that has a value, and the value; names in capitals come before those without."""
    spellings = (spelling for name in names for spelling in (name.upper(), name))
    return next(((name, value) for name in spellings if (value := environment.get(name, "").strip())), ("", ""))


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address inside an IPv6 address that embeds one."""
    return getattr(address, "ipv4_mapped", None) or address


def _plain_network(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    inner = _plain(network.network_address)
    if inner.version == 4 and network.version == 6 and network.prefixlen >= 96:
        return ipaddress.ip_network((inner, network.prefixlen - 96))
    return network


def _ascii(name: str) -> str:
    """Return a name as DNS has it; names that cannot be written so stay as they are."""
    if name.isascii():
        return name
    try:
        dot = "." if name.startswith(".") else ""
        return dot + name.removeprefix(".").encode("idna").decode()
    except UnicodeError:
        return name
