"""Settings of docker, podman and proxies: any text is read, or refused with an error that names the file."""

from __future__ import annotations

import ipaddress
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from ocisize.errors import RegistryError
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.settings.docker_daemon import read_daemon_settings
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.mirrors import find_endpoints
from ocisize.sources.registry.settings.proxies import find_proxy, is_direct

NAMES = st.sampled_from(
    ["reg.io", "*.io", "m.io:5000/x", "docker.io", "docker.io/library", "http://m.io", "", "*.", "/", "::", "[", "ü"]
)
SCALARS = st.none() | st.booleans() | st.integers(-1, 1 << 70) | NAMES | st.text(max_size=8)
MIRROR = st.dictionaries(st.sampled_from(["location", "insecure", "pull-from-mirror"]), SCALARS)
TABLE = st.dictionaries(
    st.sampled_from(["prefix", "location", "insecure", "blocked", "mirror-by-digest-only", "mirror"]),
    SCALARS | st.lists(MIRROR | SCALARS, max_size=3),
)
LABEL = st.from_regex("[a-z0-9]{1,5}", fullmatch=True)


def as_toml(value: Any) -> str:
    """A value as TOML: strings, numbers, booleans, arrays and inline tables; ``nan`` for null."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return "nan" if value is None else json.dumps(value)


@given(st.lists(TABLE | SCALARS, max_size=3), st.text(max_size=3), st.sampled_from(["reg.io/a", "app", "x.y.io:5000/a:1"]))
def test_any_registries_conf(tables: list[Any], rest: str, name: str) -> None:
    """Tables of any form give places that end with the image itself or its location, or an error that names the file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "etc/containers/registries.conf"
        file.parent.mkdir(parents=True)
        file.write_text(f"registry = {as_toml(tables)}\n{rest}", "utf-8")
        reference = parse_reference(name)
        try:
            endpoints = find_endpoints(reference, Machine({"HOME": folder}, Path(folder) / "etc"))
        except RegistryError as error:
            assert str(file) in str(error)
        else:
            assert not endpoints[-1].is_mirror
            assert all(endpoint.is_mirror for endpoint in endpoints[:-1])
            assert endpoints[-1].reference.digest == reference.digest


@given(
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["registry-mirrors", "insecure-registries"]), inner)
        ),
    )
)
def test_any_daemon_json(document: Any) -> None:
    """A document of any form gives settings, or an error that names the file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "daemon.json"
        file.write_text(json.dumps(document), "utf-8")
        try:
            settings = read_daemon_settings([file])
        except RegistryError as error:
            assert str(error).startswith(f"{file}: ")
        else:
            assert settings is not None
            settings.is_insecure("reg.io:5000")
            settings.is_insecure("10.0.0.1")


@given(st.text(alphabet=st.sampled_from("a.b*:/[]1 ,0\u00fc%@"), max_size=30), st.text(alphabet="ab.1:[]", max_size=10))
def test_any_no_proxy(entries: str, host: str) -> None:
    """Any list is read; a star among the entries matches everything, and an empty list nothing."""
    is_direct(host, 443, entries)
    assert is_direct(host, 443, f"{entries},*")
    assert not is_direct(host, 443, " , ")


@given(st.lists(LABEL, min_size=2, max_size=4), st.integers(1, 65535), st.ip_addresses())
def test_laws_of_no_proxy(labels: list[str], port: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """A name matches itself and those above it; with a dot only those above; an address matches its networks."""
    host = ".".join([*labels, "example"])
    assert is_direct(host, port, host)
    assert is_direct(host, port, f"{host}:{port}")
    assert not is_direct(host, port, f"{host}:{port + 1}")
    assert not is_direct(host, port, f".{host}")
    for start in range(1, len(labels) + 1):
        above = ".".join([*labels, "example"][start:])
        assert all(is_direct(host, port, entry) for entry in (above, f".{above}", f"*.{above}", above.upper()))
        assert not is_direct(f"x{above}", port, above)
    assume(not isinstance(address, ipaddress.IPv6Address) or address.ipv4_mapped is None)  # in no IPv6 network, as in Go
    for bits in (0, 8, address.max_prefixlen):
        assert is_direct(str(address), port, str(ipaddress.ip_network((address, bits), strict=False)))


@given(st.text(max_size=20))
def test_any_proxy(text: str) -> None:
    """Any text is the address of a proxy, or an error that names the variable; this machine is always asked directly."""
    environment = {"HTTP_PROXY": text, "HTTPS_PROXY": text, "ALL_PROXY": text}
    try:
        find_proxy("https://reg.io/", environment)
    except RegistryError as error:
        assert str(error) == "the variable HTTPS_PROXY is not the address of a proxy"
    assert find_proxy("https://localhost:5000/", environment) is None
