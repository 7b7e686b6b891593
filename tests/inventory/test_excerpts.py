"""read_excerpt: the packages in executables and jars."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.excerpts.collect import Excerpts
from ocisize.excerpts.parts import ELF_NOTE, GO_BUILD_INFO, JAR, MANIFEST, POM_PROPERTIES, RUST_CRATES, Part, pack_part
from ocisize.inventory.excerpts import read_excerpt
from ocisize.inventory.purl import purl_of
from ocisize.inventory.record import PackageRecord
from ocisize.model.packages import ECOSYSTEMS, GO, JAVA, RPM, RUST
from ocisize.model.system import System
from tests.programs import crates, go_program, make_jar, manifest, pom, rust_program, spring_boot_jar
from tests.tools import PACKAGES, program

GO_PROGRAMS = sorted({"containerd", "docker", "gh", "podman", "skopeo", "umoci"} & PACKAGES.keys())


def read_file(path: bytes, data: bytes) -> list[PackageRecord]:
    """The packages of a file with this content."""
    excerpts = Excerpts()
    reader = excerpts.open(path, len(data), 0o755)
    if reader is None:
        return []
    reader.feed(data)
    excerpts.keep(0, reader)
    return read_excerpt(path, excerpts.by_row.get(0, b""))


def read_modules(*lines: str, go: str = "go1.22.5", path: bytes = b"usr/bin/app") -> list[PackageRecord]:
    """The packages of a Go program with these lines, in which spaces are tabs."""
    text = "".join(line.replace(" ", "\t", 1 if line.startswith("build") else 3) + "\n" for line in (go, *lines))
    return read_excerpt(path, pack_part(Part(GO_BUILD_INFO, b"", text.encode())))


def versions(records: list[PackageRecord]) -> list[tuple[str, str]]:
    return [(record.name, record.version) for record in records]


@pytest.mark.parametrize("name", GO_PROGRAMS)
def test_real_programs_have_the_modules_that_go_prints(name: str) -> None:
    """Each module once, replaced ones under their new name, the first with the file."""
    path = Path(program(name)).resolve()
    printed = subprocess.run([program("go"), "version", "-m", path], capture_output=True, text=True, check=True).stdout
    expected: list[list[str]] = []
    for kind, *fields in map(str.split, printed.splitlines()[1:]):
        if kind == "dep":
            expected.append(fields[:2])
        elif kind == "=>":
            expected[-1] = [expected[-1][0], ""] if fields[0].startswith(".") else fields[:2]
    records = read_file(b"usr/bin/tool", path.read_bytes())
    assert versions(records[2:]) == [(name, version) for name, version in expected]
    assert versions(records[1:2]) == [("stdlib", printed.splitlines()[0].rpartition("go")[2])]
    assert list(records[0].list_files()) == [b"usr/bin/tool"] and not any(
        list(record.list_files()) for record in records[1:]
    )
    assert {record.ecosystem for record in records} == {GO}
    assert {record.place for record in records} == {record.database for record in records} == {b"usr/bin/tool"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["mod x.org/a v1.2.3 h1:x"], ("x.org/a", "v1.2.3")),
        (["mod x.org/a v1.2.3+dirty"], ("x.org/a", "v1.2.3")),
        (["mod x.org/a (devel)"], ("x.org/a", "")),
        (["mod x.org/a (devel)", "build -ldflags=-s -X main.version=1.4.0"], ("x.org/a", "v1.4.0")),
        (["mod x.org/a (devel)", "build -ldflags=\"-X 'x.org/a/cmd.Version=v1.4.0-rc.1' -w\""], ("x.org/a", "v1.4.0-rc.1")),
        (["mod x.org/a (devel)", "build -ldflags=-X a.Version=1.4.0 -X b.Version=1.5.0"], ("x.org/a", "")),
        (["mod x.org/a (devel)", "build -ldflags=-X main.goversion=1.22.5"], ("x.org/a", "")),
        (["mod x.org/a (devel)", "build -ldflags=-X main.version=latest"], ("x.org/a", "")),
        (
            ["mod x.org/a (devel)", f"build vcs.revision={'0123456789abcdef' * 2}01234567", "build vcs.time=2024-05-06T07:08:09Z"],
            ("x.org/a", "v0.0.0-20240506070809-0123456789ab"),
        ),
        (["mod x.org/a (devel)", "build vcs.revision=1", "build vcs.time=2024-05-06T07:08:09Z"], ("x.org/a", "")),
        (["path cmd/go"], ("cmd/go", "1.22.5")),
        (["path command-line-arguments"], ("app", "")),
        (["path x.org/a/cmd/a", "build -ldflags=\"-X x.org/a/build.Version=2.23.0+dfsg1\""], ("x.org/a/cmd/a", "v2.23.0+dfsg1")),
        ([], ("app", "")),
    ],
)  # fmt: skip
def test_the_module_that_a_program_was_built_from(lines: list[str], expected: tuple[str, str]) -> None:
    """Its version is that of the module, else that of the linker's flags if they agree, else that of the checkout."""
    records = read_modules(*lines)
    assert versions(records) == [expected, ("stdlib", "1.22.5")]


def test_modules_that_are_replaced() -> None:
    """By another module, which is in the program then, or by a directory, whose version nobody knows."""
    lines = ("mod x.org/a v1.0.0", "dep x.org/b v1.0.0", "=> x.org/c v1.1.0 h1:x", "dep x.org/d v1.0.0", "=> ./d (devel)")
    assert versions(read_modules(*lines, "dep x.org/e (devel)"))[2:] == [
        ("x.org/c", "v1.1.0"), ("x.org/d", ""), ("x.org/e", ""),
    ]  # fmt: skip


def test_versions_of_the_standard_library() -> None:
    """A toolchain between releases has none; experiments do not count."""
    assert [read_modules(go=go)[1].version for go in ("go1.23rc1", "go1.22.5 X:boringcrypto", "devel go1.23-ab")] == [
        "1.23rc1", "1.22.5", "",
    ]  # fmt: skip


def test_crates() -> None:
    """The root owns the program; crates of the build are not in it."""
    document = crates(
        {"name": "aes", "version": "0.8.4", "source": "crates.io", "dependencies": [1]},
        {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"},
        {"name": "app", "version": "0.2.0", "source": "local", "root": True},
    )
    records = read_file(b"usr/bin/app", rust_program(document))
    assert versions(records) == [("app", "0.2.0"), ("aes", "0.8.4")]
    assert [list(record.list_files()) for record in records] == [[b"usr/bin/app"], []]
    assert {(record.ecosystem, record.place) for record in records} == {(RUST, b"usr/bin/app")}


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"packages":1}', b"[" * 100_000, b'{"packages":[1,{"name":[],"version":1}]}']
)
def test_documents_of_other_forms_have_no_crates(text: bytes) -> None:
    """Nor do they have notes."""
    for kind in (RUST_CRATES, ELF_NOTE):
        assert read_excerpt(b"a", pack_part(Part(kind, b"", text)), with_notes=True) == []


def test_notes_are_read_if_asked_for() -> None:
    """The package of the file, where no database says it."""
    text = b'{"type":"rpm","name":"bash","version":"5.2-1","architecture":"x86_64","osCpe":"cpe:/o:fedoraproject:fedora:40"}'
    excerpt = pack_part(Part(ELF_NOTE, b"", text))
    assert read_excerpt(b"usr/bin/bash", excerpt) == []
    (record,) = read_excerpt(b"usr/bin/bash", excerpt, with_notes=True)
    assert (record.ecosystem, record.name, record.version, record.architecture) == (RPM, "bash", "5.2-1", "x86_64")


def test_names_can_be_written() -> None:
    """JSON can escape what UTF-8 cannot express."""
    crate = b'{"packages":[{"name":"a\\ud800","version":"1\\udfff","root":true}]}'
    note = b'{"type":"rpm","name":"a\\ud800","version":"1\\udfff","architecture":"\\ud800"}'
    for kind, text in ((RUST_CRATES, crate), (ELF_NOTE, note)):
        (record,) = read_excerpt(b"bin/a", pack_part(Part(kind, b"", text)), with_notes=True)
        assert (record.name, record.version) == ("a?", "1?")
        assert purl_of(record, System()).partition("%")[0] in ("pkg:cargo/a", "pkg:rpm/a")


def test_jars_within_jars() -> None:
    """The application owns its file; its libraries are inside of it, with those that were merged into them."""
    shaded = make_jar({**pom("org.x", "lib", "2.0"), **pom("com.google.guava", "guava", "33.0.0-jre")})
    records = read_file(
        b"srv/app.jar", spring_boot_jar({"lib-2.0.jar": shaded, "gson-2.11.0.jar": make_jar({"A.class": b""})})
    )
    inside = b"srv/app.jar!/BOOT-INF/lib/"
    assert [(record.name, record.version, record.place) for record in records] == [
        ("org.example:shop", "3.1.0", b"srv/app.jar"),
        ("org.x:lib", "2.0", inside + b"lib-2.0.jar"), ("com.google.guava:guava", "33.0.0-jre", inside + b"lib-2.0.jar"),
        ("gson", "2.11.0", inside + b"gson-2.11.0.jar"),
    ]  # fmt: skip
    assert [list(record.list_files()) for record in records] == [[b"srv/app.jar"], [], [], []]
    assert {(record.ecosystem, record.database) for record in records} == {(JAVA, b"srv/app.jar")}


@pytest.mark.parametrize(
    ("name", "entries", "expected"),
    [
        ("commons-lang3-3.14.0.jar", {}, ("commons-lang3", "3.14.0")),
        ("asm-9.7.jar", manifest(Bundle_SymbolicName="org.objectweb.asm;a=b"), ("asm", "9.7")),
        ("velocity-1.7.jar", manifest(Implementation_Vendor_Id="org.apache"), ("velocity", "1.7")),
        ("a-1.0.jar", manifest(Implementation_Vendor_Id="org.x"), ("org.x:a", "1.0")),
        ("rt.jar", manifest(Implementation_Title="Java Runtime Environment", Implementation_Version="1.8.0_402"), ("rt", "1.8.0_402")),
        ("lib.jar", manifest(Bundle_SymbolicName="org.x.lib", Bundle_Version="4.0.1"), ("lib", "4.0.1")),
        ("lib.jar", manifest(Implementation_Title="org.x:lib", Implementation_Version="4.0.1"), ("org.x:lib", "4.0.1")),
        ("lib.jar", {}, ("lib", "")),
        ("renamed.jar", pom("org.x", "lib", "1.0"), ("org.x:lib", "1.0")),
        ("tool-7.0.jar", pom("org.x", "lib", "1.0"), ("tool", "7.0")),
        ("lib-core-1.0.jar", {**pom("org.x", "lib", "0.9"), **pom("org.x", "lib-core", "1.0")}, ("org.x:lib-core", "1.0")),
        ("lib.jar", {"META-INF/maven/org.x/lib/pom.properties": b"groupId=${g}\nartifactId=lib\nversion=1\n"}, ("lib", "")),
        ("a" * 300 + "-1.0.jar", {}, ("a" * 300 + "-1.0", "")),
    ],
)  # fmt: skip
def test_what_a_jar_is(name: str, entries: dict[str, bytes], expected: tuple[str, str]) -> None:
    """Its artifact of Maven, else what its name says, else what its manifest says."""
    records = read_file(f"lib/{name}".encode(), make_jar({**entries, "A.class": b""}))
    assert versions(records)[0] == expected
    assert list(records[0].list_files()) == [f"lib/{name}".encode()]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            Part,
            st.sampled_from([GO_BUILD_INFO, RUST_CRATES, ELF_NOTE, JAR, POM_PROPERTIES, MANIFEST, b"?"]),
            st.sampled_from([b"", b"a-1.jar", b"a-1.jar!/b", b"\xff"]),
            st.binary(max_size=60)
            | st.text('modep=>build \t\n"v1.0-/x(l)', max_size=60).map(str.encode)
            | st.sampled_from([b"groupId=a\nartifactId=b\nversion=\n", b"Bundle-SymbolicName: a.b\nBundle-Version: 1\n"]),
        ),
        max_size=6,
    ),
    st.binary(max_size=20),
    st.integers(0, 99),
)
def test_hostile_excerpts(parts: list[Part], path: bytes, cut: int) -> None:
    """Those of the cache may be of any bytes."""
    excerpt = b"".join(map(pack_part, parts))
    for record in read_excerpt(path, excerpt[: len(excerpt) - cut], with_notes=True):
        assert record.ecosystem in ECOSYSTEMS and record.name
        assert set(record.list_files()) <= {path}


def test_long_names_and_flags_take_linear_time() -> None:
    """None of the patterns looks at a text again and again."""
    assert read_excerpt(b"a-1" * 20_000 + b".jar", pack_part(Part(JAR, b"", b"")))
    assert read_modules("mod x.org/a (devel)", "build -ldflags=" + "-X main.version=" * 10_000)


def test_small_programs_are_not_read() -> None:
    """Scripts and tools of C."""
    assert read_file(b"usr/bin/true", go_program(b"mod\tx.org/a\tv1.0.0\n", size=20_000)[:40_000]) == []
