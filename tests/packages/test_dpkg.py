"""Which packages are there only because others recommend them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.packages.dpkg import PackageId, _stanzas, only_recommended, read_automatic, read_status


def stanza(name: str, architecture: str = "amd64", status: str = "install ok installed", **relations: str) -> str:
    lines = [f"Package: {name}", f"Status: {status}", f"Architecture: {architecture}", "Version: 1", "Installed-Size: 7"]
    return "\n".join(
        [*lines, *(f"{key.replace('_', '-')}: {value}" for key, value in relations.items()), "Description: x", " more"]
    )


def found(stanzas: list[str], automatic: str, below: str = "") -> list[str]:
    """The names of the packages that are only recommended."""
    packages = read_status("\n\n".join(stanzas).encode())
    states = "\n\n".join(f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1" for name in automatic.split())
    old = [id_ for id_ in packages if id_.name in below.split()]
    return [package.id.name for package in only_recommended(packages, read_automatic(states.encode()), old)]


def test_a_recommended_package_and_what_it_needs() -> None:
    """What only a Recommends leads to, with its own dependencies, but not what others need as well."""
    stanzas = [
        stanza("app", Depends="libneeded (>= 1), libshared", Recommends="extra"),
        stanza("libneeded"),
        stanza("libshared"),
        stanza("extra", Depends="libextra, libshared"),
        stanza("libextra", Recommends="more"),
        stanza("more"),
    ]
    assert found(stanzas, "libneeded libshared extra libextra more") == ["extra", "libextra", "more"]


def test_what_was_asked_for_stays() -> None:
    """A recommended package that is marked as manual was asked for."""
    stanzas = [stanza("app", Recommends="extra"), stanza("extra", Depends="libextra"), stanza("libextra")]
    assert found(stanzas, "libextra") == []


def test_packages_of_lower_layers_stay() -> None:
    """Packages of lower layers are needed, and what they depend on."""
    stanzas = [stanza("app", Recommends="extra"), stanza("extra"), stanza("old", Depends="extra")]
    assert found(stanzas, "extra old", below="old") == []
    assert found(stanzas[:2], "extra", below="extra") == []


def test_recommended_by_packages_of_lower_layers() -> None:
    """New packages may be recommended by old ones."""
    assert found([stanza("old", Recommends="extra"), stanza("extra")], "extra old", below="old") == ["extra"]


@pytest.mark.parametrize(
    "relation",
    ["missing | extra", "extra | missing", "extra:any (>= 2~) [amd64]", "virtual", "a, b|extra,c", "EXTRA", "x,\n extra"],
)
def test_needed_in_some_way(relation: str) -> None:
    """Alternatives, virtual packages, qualifiers and folded lines lead to a package like a plain name."""
    stanzas = [stanza("app", Depends=relation, Recommends="extra"), stanza("extra", Provides="virtual (= 1), other")]
    assert found(stanzas, "extra") == []
    assert found([stanza("app", Pre_Depends=relation, Recommends="extra"), stanzas[1]], "extra") == []
    assert found([stanza("app", Suggests=relation, Recommends="extra"), stanzas[1]], "extra") == ["extra"]


def test_cycles_end() -> None:
    """Packages that depend on each other are all recommended or all needed."""
    circle = [stanza("a", Depends="b"), stanza("b", Depends="c"), stanza("c", Depends="a", Recommends="a")]
    assert found([*circle, stanza("app", Recommends="b")], "a b c") == ["a", "b", "c"]
    assert found([*circle, stanza("app", Depends="c")], "a b c") == []


def test_orphans_are_not_recommended() -> None:
    """Packages that nothing leads to came in another way."""
    assert found([stanza("app"), stanza("orphan")], "orphan") == []


def test_architectures() -> None:
    """Two architectures of a name are two packages; those for all are in extended_states with the machine's."""
    packages = read_status("\n\n".join([stanza("libc6"), stanza("libc6", "i386"), stanza("data", "all")]).encode())
    assert set(packages) == {PackageId("libc6", "amd64"), PackageId("libc6", "i386"), PackageId("data", "all")}
    assert found([stanza("app", Recommends="data"), stanza("data", "all")], "data") == ["data"]


@pytest.mark.parametrize("status", ["deinstall ok config-files", "install ok half-installed", "install", ""])
def test_what_is_not_installed(status: str) -> None:
    """Only installed packages count."""
    assert read_status(stanza("a", status=status).encode()) == {}


@pytest.mark.parametrize(
    "text",
    [b"", b"\n\n\n", b"Package", b"Package:", b": x", b" folded\n first", b"Status: install ok installed", b"\xff: \xff\n\nPackage: \xff\n",
     b"Package: a\nPackage: b\nDepends: ,,|,", b"\r\n\r\n", b"Package: a\nStatus: install ok installed\nDepends: \xff (", b"\0" * 100],
)  # fmt: skip
def test_broken_stanzas(text: bytes) -> None:
    """What is broken is passed over, and what is next to it is read."""
    packages = read_status(text + b"\n\n" + stanza("good").encode() + b"\n\n" + text)
    assert PackageId("good", "amd64") in packages
    read_automatic(text)


@given(st.binary(max_size=300))
def test_no_bytes_raise(text: bytes) -> None:
    """Neither file is trusted."""
    only_recommended(read_status(text), read_automatic(text))


PIECES = st.sampled_from(
    [b"Package", b"STATUS", b"Pre-Depends", b"Section", b":", b" ", b"\t", b"\r", b"\f", b"\n", b"\n ", b"a"]
)


@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_fields_are_those_of_the_lines(text: bytes) -> None:
    """One pattern finds the fields that a look at each line finds."""
    wanted = {b"package", b"status", b"pre-depends"}
    stanzas = []
    for part in re.split(rb"\n(?:[ \t\r]*\n)+", text):
        fields: dict[bytes, bytes] = {}
        key = b""
        for line in part.split(b"\n"):
            name, colon, value = line.partition(b":")
            if line[:1] in (b" ", b"\t"):
                if key in wanted:
                    fields[key] += line
            elif line:
                key = name.strip().lower() if colon else b""
                if key in wanted:
                    fields[key] = value
        stanzas.append(fields)
    assert list(_stanzas(text)) == [fields for fields in stanzas if fields]


NAMES = st.sampled_from("abcdefgh")
GRAPHS = st.dictionaries(NAMES, st.tuples(st.sets(NAMES, max_size=3), st.sets(NAMES, max_size=3)))


@given(GRAPHS, st.sets(NAMES), st.sets(NAMES))
def test_the_law(graph: Mapping[str, tuple[set[str], set[str]]], automatic: set[str], old: set[str]) -> None:
    """Without the packages named, every package left has its dependencies, as far as they were there."""
    stanzas = [
        stanza(name, Depends=", ".join(depends), Recommends=", ".join(more)) for name, (depends, more) in graph.items()
    ]
    dropped = set(found(stanzas, " ".join(automatic), " ".join(old)))
    assert dropped <= automatic & graph.keys() - old
    led_to = {name for name in graph if name not in automatic or name in old}
    while more := {other for name in led_to for other in {*graph[name][0], *graph[name][1]} & graph.keys()} - led_to:
        led_to |= more
    assert dropped <= led_to
    for name in led_to - dropped:
        assert not graph[name][0] & dropped


@pytest.mark.slow
def test_hostile_databases_end() -> None:
    """Neither a relation on many lines nor many packages that provide the same name take forever."""
    folded = stanza("app", Depends="a" + ",\n b" * 2_000_000)
    (package,) = read_status(folded.encode()).values()
    assert package.depends == {"a", "b"}
    crowd = [stanza(f"p{number}", Depends="v", Provides="v") for number in range(40_000)]
    assert found(crowd, "p1") == []
