"""Harnesses of the settings of podman and docker that say where images are read from, and of the variables of proxies."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from ocisize.errors import RegistryError
from ocisize.oci.reference import Reference, parse_reference
from ocisize.sources.registry.settings.docker_daemon import read_daemon_settings
from ocisize.sources.registry.settings.proxies import find_proxy, is_direct
from ocisize.sources.registry.settings.registries_conf import find_table
from tests.fuzz.images import JSON_TOKENS, in_memory
from tests.fuzz.oracle import Harness, Refused, outcome, same
from tests.fuzz.shapes import as_text

_REFERENCES = tuple(
    map(
        parse_reference, ("app", "registry.io:5000/team/app:1", "a.registry.io/app@sha256:" + "0" * 64, "127.0.0.1:5000/app")
    )
)


def run_registries_conf(data: bytes) -> None:
    """A registries.conf gives a table for a reference and the names at its locations, or is refused by its name."""
    with in_memory(data) as name:
        for reference in _REFERENCES:
            found = [outcome(partial(find_table, reference, [Path(name)])) for _ in range(2)]
            table = same(*found)
            if isinstance(found[0], Refused):
                assert found[0].kind is RegistryError and name in found[0].message
            if table is None:
                continue
            assert table.match(reference) is not None
            for location in (table.location, *table.mirrors):
                place = outcome(partial(table.rewrite, reference, location))
                if isinstance(place, Reference):
                    assert (place.tag, place.digest) == (reference.tag, reference.digest) or location.name


def registries_conf_seeds() -> list[bytes]:
    texts = (
        'unqualified-search-registries = ["docker.io"]\n[[registry]]\nprefix = "docker.io"\nlocation = "mirror.corp/hub"\n'
        'insecure = true\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "a.corp:5000"\n'
        '[[registry.mirror]]\nlocation = "b.corp/x"\ninsecure = true\npull-from-mirror = "tag-only"\n',
        '[[registry]]\nprefix = "*.registry.io"\n[[registry]]\nlocation = "registry.io:5000/team"\nblocked = true\n',
        '[registries.block]\nregistries = ["registry.io:5000"]\n[registries.insecure]\nregistries = ["127.0.0.1:5000"]\n',
        '[[registry]]\nprefix = "registry.io:5000/team/app"\nlocation = "UPPER/../x"\n[aliases]\n"app" = "docker.io/library/app"\n',
    )
    return [text.encode() for text in texts] + [b"a = " + b"[" * 1200, b"a." * 300 + b"b = 1", b"\xff\xfe"]


def run_daemon_json(data: bytes) -> None:
    """A daemon.json gives mirrors and insecure registries, or is refused by its name."""
    with in_memory(data) as name:
        found = [outcome(lambda: read_daemon_settings([Path(name)])) for _ in range(2)]
        settings = same(*found)
        if isinstance(found[0], Refused):
            assert found[0].kind is RegistryError and name in found[0].message
        if settings is not None:
            assert all(mirror.host and not mirror.host.startswith("/") for mirror in settings.mirrors)
            for reference in _REFERENCES:
                assert settings.is_insecure(reference.registry) in (True, False)


def daemon_json_seeds() -> list[bytes]:
    documents: tuple[object, ...] = (
        {"registry-mirrors": ["https://mirror.corp", "http://127.0.0.1:5000/"], "insecure-registries": ["a.corp:5000", "127.0.0.0/8"]},
        {"registry-mirrors": ["mirror.corp:99999", "https://[::1]:5000"], "insecure-registries": ["::1/64", "10.0.0.0/99"]},
        {"registry-mirrors": None, "insecure-registries": []}, [], {"registry-mirrors": "https://user:word@mirror.corp/path?q"},
    )  # fmt: skip
    return [json.dumps(document).encode() for document in documents] + [b"[" * 100_000, b"{}" * 2]


_URLS = (
    "https://registry.io/v2/",
    "http://127.0.0.1:5000/v2/",
    "https://[2001:db8::1]:5000/v2/",
    "http://10.1.2.3/",
    "https://a.corp/",
)


def run_proxies(data: bytes) -> None:
    """Variables of proxies lead every request somewhere or nowhere, the same way each time."""
    proxy, _, no_proxy = as_text(data).partition("|")
    environment = {"HTTPS_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": no_proxy}
    for url in _URLS:
        found = [outcome(partial(find_proxy, url, environment)) for _ in range(2)]
        same(*found)
        parts = urlsplit(url)
        is_named = is_direct(parts.hostname or "", parts.port or 443, no_proxy)
        assert not (is_named and parts.port and isinstance(found[0], str))


PROXIES = (
    "http://proxy.corp:3128|localhost,*.corp,10.0.0.0/8,[::1]:5000,registry.io:443", "socks5://p|*", "p:99999|.corp, 2001:db8::/32",
    "http://user:word@[::1]|10.1.2.3:80,2001:db8::1", "|", "://|:,::,[,],/", "HTTP://P| , ,,",
)  # fmt: skip

HARNESSES = {
    "registries-conf": Harness(run_registries_conf, registries_conf_seeds, (b"[[registry]]", b"[[registry.mirror]]", b"prefix = ", b"location", b'"*.', b"true", b'"""', b"2026-01-01", b"[", b"{", b"9" * 5000), quick=400),
    "daemon-json": Harness(run_daemon_json, daemon_json_seeds, (*JSON_TOKENS[-10:], b"://", b"[::", b"/8", b"%", b"@"), quick=400),
    "proxies": Harness(run_proxies, lambda: [text.encode() for text in PROXIES], (b"://", b"[", b"]", b":", b"/", b"*", b".", b",", b"%", b"\xff"), quick=500),
}  # fmt: skip
