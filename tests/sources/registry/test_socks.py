"""Registries behind a SOCKS proxy, and what is said where PySocks is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from ocisize.oci.documents import Descriptor
from ocisize.oci.parse import MAX_CONFIG
from ocisize.oci.read import read_blob
from tests.pulling import BLOB, BLOB_PATH, DIGEST, MANIFEST, PATH, QUICK, SECRET, failure, opened
from tests.registry import Answer, Server, Signer, free_port, ranged, redirect
from tests.socks import SocksProxy

PLAIN = attrs.evolve(QUICK, plain_http=True)


@pytest.fixture
def proxy(names: dict[str, str]) -> Iterator[SocksProxy]:
    """A proxy that knows names which this machine cannot resolve."""
    with closing(SocksProxy({})) as running:
        yield running


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_socks_proxy(
    scheme: str, variable: str, proxy: SocksProxy, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests and redirects go through the proxy, which resolves the names, as for programs in Go."""
    monkeypatch.setenv(variable, f"{scheme}://{proxy.host}")
    proxy.tunnels |= {"reg.test:80": server.host, "cdn.test:8080": server.host}
    server.on(PATH, Answer(MANIFEST))
    server.on(BLOB_PATH, redirect("http://cdn.test:8080/blob"))
    server.on("/blob", ranged(BLOB))
    with opened("reg.test", PLAIN) as source:
        assert source.read_manifest() == MANIFEST
        assert read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG) == BLOB
    assert set(proxy.asked) == {"reg.test:80", "cdn.test:8080"}
    monkeypatch.setenv("NO_PROXY", "*.test")
    with opened("reg.test", PLAIN) as source:
        assert "cannot be resolved" in str(failure(source.read_manifest))


def test_tls_through_a_socks_proxy(proxy: SocksProxy, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a SOCKS proxy TLS reaches to the registry, whose certificate is verified by its name."""
    signer = Signer.make(tmp_path, "DNS:reg.test")
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://user:{SECRET}@{proxy.host}")
    proxy.password = f"user:{SECRET}"
    with closing(Server(signer)) as server:
        server.on(PATH, Answer(MANIFEST))
        proxy.tunnels |= {"reg.test:443": server.host, "other.test:443": server.host}
        known = attrs.evolve(QUICK, ca_certs=signer.certificate)
        with opened("reg.test", known) as source:
            assert source.read_manifest() == MANIFEST
        with opened("other.test", known) as source:
            assert "Hostname mismatch" in str(failure(source.read_manifest))


def test_socks_proxies_that_fail(proxy: SocksProxy, names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is away, refuses the password or cannot reach the registry is the one that failed; its password is not shown."""
    monkeypatch.setenv("HTTP_PROXY", f"socks5://user:{SECRET}@{proxy.host}")
    with opened("reg.test", PLAIN) as source:
        assert str(failure(source.read_manifest)) == "reg.test/app:1: the proxy failed: 0x04: Host unreachable"
    proxy.password = "user:other"
    with opened("reg.test", PLAIN) as source:
        assert "the proxy failed: SOCKS5 authentication failed" in str(failure(source.read_manifest))
    monkeypatch.setenv("HTTP_PROXY", f"socks5://user:{SECRET}@127.0.0.1:{free_port()}")
    with opened("reg.test", PLAIN) as source:
        assert str(failure(source.read_manifest)) == "reg.test/app:1: the proxy failed: Connection refused"


def test_socks_without_its_extra(proxy: SocksProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PySocks the error names the proxy, without its password, and how to install what is missing."""
    monkeypatch.setenv("HTTP_PROXY", f"socks5://user:{SECRET}@{proxy.host}")
    monkeypatch.setitem(sys.modules, "socks", None)
    with opened("reg.test", PLAIN) as source:
        error = failure(source.read_manifest)
    assert str(error) == f"the proxy {proxy.host} speaks SOCKS, and PySocks is not installed"
    assert error.hint == "install it with: pip install 'ocisize[socks]'"
