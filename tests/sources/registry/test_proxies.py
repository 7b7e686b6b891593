"""Which hosts are asked through a proxy, as Go decides it."""

from __future__ import annotations

import pytest

from ocisize.errors import RegistryError
from ocisize.sources.registry.settings.proxies import find_proxy, is_direct

#: entries of NO_PROXY → hosts that are asked directly, and hosts that are not; all as Go 1.19's net/http answered
TABLE: dict[str, tuple[list[str], list[str]]] = {
    "corp": (["https://corp/", "https://reg.corp/", "https://a.reg.corp:5000/", "https://REG.Corp/"], ["https://notcorp/"]),
    ".corp": (["https://reg.corp/", "https://a.reg.corp:5000/"], ["https://corp/", "https://notcorp/"]),
    "*.corp": (["https://reg.corp/", "https://a.reg.corp:5000/"], ["https://corp/", "https://notcorp/"]),
    "*corp": ([], ["https://corp/", "https://reg.corp/"]),
    "orp": ([], ["https://corp/"]),
    "reg.corp:443": (["https://reg.corp/", "https://a.reg.corp/"], ["http://reg.corp/", "https://reg.corp:5000/"]),
    "reg.corp:80": (["http://reg.corp/"], ["https://reg.corp/"]),
    "*.corp:5000": (["https://a.reg.corp:5000/"], ["https://reg.corp/"]),
    "corp:": (["https://reg.corp/"], []),
    ":5000": ([], ["https://reg.corp:5000/"]),
    "10.0.0.0/8": (["https://10.1.2.3/", "https://10.1.2.3:5000/", "https://[::ffff:10.1.2.3]/"], ["https://11.1.2.3/"]),
    "10.1.2.3": (["https://10.1.2.3/", "https://10.1.2.3:5000/", "https://[::ffff:10.1.2.3]/"], ["https://10.1.2.4/"]),
    "10.1.2.3:5000": (["https://10.1.2.3:5000/"], ["https://10.1.2.3/"]),
    "10.1.2": ([], ["https://10.1.2.3/"]),
    "10.1.2.0/24:5000": ([], ["https://10.1.2.3:5000/"]),
    "192.168.0.1/16": (["https://192.168.7.7/"], ["https://192.169.0.1/"]),
    "fd00::/8": (["https://[fd00::5]:5000/"], ["https://[2001:db8::5]/"]),
    "fd00::5": (["https://[fd00::5]:5000/"], ["https://[fd00::6]/"]),
    "[fd00::5]:5000": (["https://[fd00::5]:5000/"], ["https://[fd00::5]/"]),
    "*": (["https://reg.corp/", "https://10.1.2.3/", "https://[fd00::5]/"], []),
    "x, *": (["https://reg.corp/"], []),
    "  reg.corp , y ": (["https://reg.corp/"], ["https://x.io/"]),
    "REG.CORP": (["https://reg.corp/"], []),
    "b\u00fccher.example": (["https://xn--bcher-kva.example/", "https://b\u00fccher.example/"], ["https://example/"]),
    ",,": ([], ["https://reg.corp/"]),
    "http://reg.corp": ([], ["https://reg.corp/"]),
    "": (["https://127.0.0.1/", "http://localhost:5000/", "https://[::1]/", "https://127.5.6.7/"], ["https://reg.corp/"]),
}
CASES = [(entries, url, url in direct) for entries, (direct, others) in TABLE.items() for url in (*direct, *others)]


@pytest.mark.parametrize(("entries", "url", "direct"), CASES)
def test_no_proxy(entries: str, url: str, direct: bool) -> None:
    """Names, addresses, networks and ports are matched as Go matches them, for which users write the variable."""
    environment = {"HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:1", "NO_PROXY": entries}
    assert (find_proxy(url, environment) is None) is direct


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://p:1"}, None),
        ({"https_proxy": "http://low:1"}, "http://low:1"),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"}, "http://up:1"),
        ({"ALL_PROXY": "http://all:1"}, "http://all:1"),
        ({"ALL_PROXY": "http://all:1", "HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ({"HTTPS_PROXY": "p:1"}, "http://p:1"),
        ({"HTTPS_PROXY": "socks5://p:1"}, "socks5h://p:1"),
        ({"HTTPS_PROXY": "  "}, None),
        ({"HTTPS_PROXY": " ", "https_proxy": "http://low:1"}, "http://low:1"),
        ({"HTTPS_PROXY": " HTTP://p:1\n"}, "http://p:1"),
        ({"HTTPS_PROXY": "user:word@p:1"}, "http://user:word@p:1"),
        ({"HTTPS_PROXY": "socks5h://user:word@p:1"}, "socks5h://user:word@p:1"),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "reg.io"}, None),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "reg.io", "NO_PROXY": "x"}, "http://p:1"),
    ],
)
def test_variables(environment: dict[str, str], proxy: str | None) -> None:
    """Variables in capitals come first, the scheme before ALL_PROXY, and SOCKS proxies resolve names."""
    assert find_proxy("https://reg.io/v2/", environment) == proxy


@pytest.mark.parametrize(
    "text",
    [
        "http://", "http://user:secret@", "http://user:secret@p:port", "http://user:secret@p:99999", "http://user:secret@[::1",
        "http://user:se/cret@p:1", "ftp://user:secret@p:1", "socks://user:secret@p:1", "http://user:secret@a b:1", "http://p:0",
    ],
)  # fmt: skip
def test_variables_without_a_proxy(text: str) -> None:
    """The error names the variable and repeats nothing of a value that may hold a password."""
    with pytest.raises(RegistryError) as caught:
        find_proxy("https://reg.io/v2/", {"https_proxy": text})
    assert str(caught.value) == "the variable https_proxy is not the address of a proxy"
    assert find_proxy("https://127.0.0.1/v2/", {"https_proxy": text}) is None


def test_no_proxy_of_a_client() -> None:
    """In a CGI program HTTP_PROXY is what a client sent as a header."""
    environment = {"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}
    assert find_proxy("http://reg.io/", environment) is None
    assert find_proxy("http://reg.io/", {"HTTP_PROXY": "http://p:1"}) == "http://p:1"


def test_many_entries() -> None:
    """Thousands of entries, also odd ones, are read in order without an error."""
    entries = ",".join(["[", "]:", "*.", ".", "::", "1/2/3", "a:b:c", "\u00fc" * 70, *map(str, range(5000))])
    assert not is_direct("reg.io", 443, entries)
    assert is_direct("reg.io", 443, f"{entries},io")
