"""JarReader: what is found in jars of all writers, and in jars within jars, in any pieces, and what hostile ones cost."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.excerpts import jar, jar_texts
from ocisize.excerpts.jar import JarBudget, JarReader
from ocisize.excerpts.parts import JAR, MANIFEST, POM_PROPERTIES, Part
from tests.excerpts.reading import read_in_pieces, read_needed, read_whole
from tests.programs import make_jar, manifest, pom, spring_boot_jar

LIBRARY = make_jar(
    {**manifest(Bundle_SymbolicName="org.x.lib;singleton:=true"), "a/B.class": bytes(3000), **pom("org.x", "lib", "2.0")}
)
POM = b"version=2.0\ngroupId=org.x\nartifactId=lib\n"
BUNDLE = b"Bundle-SymbolicName: org.x.lib;singleton:=true\n"
OF_LIBRARY = [(MANIFEST, BUNDLE), (POM_PROPERTIES, POM)]


def parts_of(data: bytes) -> list[Part]:
    """The parts of a jar, which are the same however it is read."""
    found = read_whole(JarReader(len(data), JarBudget()), data)
    assert read_needed(JarReader(len(data), JarBudget()), data)[0] == found
    for seed in range(4):
        assert read_in_pieces(JarReader(len(data), JarBudget()), data, seed) == found
    return found


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_jars_of_all_writers(method: int, streamed: bool) -> None:
    """Entries are found with their sizes before or behind them; a stored one needs its size before it."""
    entries = {**manifest(Implementation_Title="lib"), **pom("org.x", "lib", "2.0"), "a/B.class": b"PK\x03\x04" * 500}
    found = parts_of(make_jar(entries, method=method, streamed=streamed))
    expected = [Part(JAR, b"", b""), Part(MANIFEST, b"", b"Implementation-Title: lib\n"), Part(POM_PROPERTIES, b"", POM)]
    assert found == (expected[:1] if streamed and method == zipfile.ZIP_STORED else expected)


def test_jars_within_spring_boot() -> None:
    """Stored jars are read in their place, and classes are passed over."""
    data = spring_boot_jar({"lib-2.0.jar": LIBRARY, "other-1.jar": LIBRARY}, [b"x" * 300_000])
    assert [(part.kind, part.name) for part in parts_of(data)] == [
        (JAR, b""), (MANIFEST, b""),
        *((kind, b"BOOT-INF/lib/%b.jar" % name) for name in (b"lib-2.0", b"other-1") for kind in (JAR, MANIFEST, POM_PROPERTIES)),
        (POM_PROPERTIES, b""),
    ]  # fmt: skip
    assert [part[::2] for part in parts_of(data)][3:5] == OF_LIBRARY


@pytest.mark.parametrize("streamed", [False, True])
def test_deflated_jars_within_a_war_within_an_ear(streamed: bool) -> None:
    """Jars of wars are compressed once more; three levels are read."""
    war = make_jar({"WEB-INF/lib/lib-2.0.jar": LIBRARY, "WEB-INF/web.xml": b"<web-app/>"}, streamed=streamed)
    found = parts_of(make_jar({"shop.war": war, **pom("org.x", "ear", "1")}, streamed=streamed))
    assert [part.name for part in found] == [b"", b"shop.war", *[b"shop.war!/WEB-INF/lib/lib-2.0.jar"] * 3, b""]
    deep = make_jar({"very.ear.jar": make_jar({"shop.war": war})})
    assert {part.name.count(b"!/") for part in parts_of(deep)} == {0, 1}


def test_large_entries_are_not_read_in_place() -> None:
    """Of a jar with 5 MB of other files, little is read."""
    data = make_jar({"native.so": bytes(5_000_000), **pom("org.x", "lib", "2.0")}, method=zipfile.ZIP_STORED)
    found, count = read_needed(JarReader(len(data), JarBudget()), data)
    assert found[1] == Part(POM_PROPERTIES, b"", POM) and count < 200_000


def test_executable_jars_begin_with_a_script() -> None:
    """What is before the first entry is passed over."""
    assert len(parts_of(b"#!/bin/bash\nexec java -jar $0\nexit\n" * 50 + LIBRARY)) == 3


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"PK", bytes(100_000), b"PK\x05\x06" + bytes(18), b"PK\x03\x04" * 5000]
)
def test_files_that_are_no_jars_have_no_parts(data: bytes) -> None:
    """Nor is an empty jar one."""
    assert parts_of(data) == []


def test_long_manifests_are_cut() -> None:
    """Only their main section counts, without the digests of classes; long values and many attributes are cut."""
    signed = manifest(Implementation_Title="lib")["META-INF/MANIFEST.MF"] + b"Name: x\r\nDigest: y\r\n\r\n" * 100_000
    data = make_jar({"META-INF/MANIFEST.MF": signed, **pom("org.x", "lib", "2.0")})
    assert [part.kind for part in parts_of(data)] == [JAR, MANIFEST, POM_PROPERTIES]
    assert (
        len(jar_texts.reduce_manifest(b"Bundle-Version: 1" + b"1" * 100_000 + b"\n" + b"Bundle-Version: 1\n" * 1000)) < 1000
    )


def test_excerpts_are_bounded() -> None:
    """A jar of many artifacts keeps as many as 256 KiB have room for."""
    names = {name: text for number in range(9000) for name, text in pom("org.example", f"artifact-{number}", "1.0").items()}
    found = parts_of(make_jar(names))
    assert sum(len(part.data) + 7 for part in found) <= 256 << 10 < sum(len(part.data) + 7 for part in found) + 500


def test_bombs_are_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    """All jars of a layer share what may be inflated, and how many headers are read; the rest has no parts."""
    monkeypatch.setattr(jar, "MAX_INFLATED", 1 << 20)
    bomb, inflated = make_jar({"lib/bomb.jar": bytes(200 << 20), **pom("org.x", "lib", "2.0")}), 0
    budget = JarBudget()
    assert [part.kind for part in read_whole(JarReader(len(bomb), budget), bomb)] == [JAR]
    inflated = (1 << 20) - budget.inflated
    assert inflated < 2 << 20
    assert [part.kind for part in read_whole(JarReader(len(LIBRARY), budget), LIBRARY)] == [JAR]
    monkeypatch.setattr(jar, "MAX_JAR_ENTRIES", 1000)
    for many in (b"PK\x03\x04\x14\0" + bytes(20) + b"\1\0\0\0a", b"PK\x03\x04"):
        budget = JarBudget()
        reader = JarReader(len(many) * 5000, budget)
        reader.feed(many * 5000)
        assert budget.entries == 0 and reader.needed == len(many) * 5000
    assert read_whole(JarReader(len(LIBRARY), budget), LIBRARY) == []


def test_damaged_deflate_data_ends_an_entry() -> None:
    """The entries behind it are found."""
    data = make_jar({**manifest(Implementation_Title="lib"), **pom("org.x", "lib", "2.0")}, streamed=True)
    start = data.index(b"META-INF/MANIFEST.MF") + 20
    damaged = data[:start] + b"\xff" * 40 + data[start + 40 :]
    assert [part.kind for part in parts_of(damaged)][-1] == POM_PROPERTIES


def test_entries_of_zip64() -> None:
    """Sizes in extra fields are read."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("large.bin", "w", force_zip64=True) as entry:
        entry.write(LIBRARY)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(*next(iter(pom("org.x", "lib", "2.0").items())))
    assert parts_of(file.getvalue()) == [Part(JAR, b"", b""), Part(POM_PROPERTIES, b"", POM)]


SAMPLES = [
    LIBRARY, spring_boot_jar({"lib-2.0.jar": LIBRARY}), make_jar({"WEB-INF/lib/lib-2.0.jar": LIBRARY}, streamed=True)
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 5_000), st.binary(min_size=1, max_size=8)), max_size=8),
    st.integers(0, 99),
)
def test_hostile_jars_are_read_alike(sample: bytes, changes: list[tuple[int, bytes]], seed: int) -> None:
    """Any bytes raise nothing, and give the same parts whatever the pieces."""
    data = bytearray(sample)
    for place, piece in changes:
        data[place % len(data) : place % len(data) + len(piece)] = piece
    whole = read_whole(JarReader(len(data), JarBudget()), bytes(data))
    assert read_in_pieces(JarReader(len(data), JarBudget()), bytes(data), seed) == whole
    assert read_needed(JarReader(len(data), JarBudget()), bytes(data))[0] == whole


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([LIBRARY[:200], b"PK\x03\x04\x14\0", zlib.compress(LIBRARY), bytes(30), b"lib/a.jar"]), max_size=40
    )
)
def test_pieces_of_jars_in_any_order(pieces: list[bytes]) -> None:
    """Headers in the middle of others raise nothing."""
    parts_of(b"".join(pieces))
