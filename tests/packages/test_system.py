"""The system in an image: distribution, packages, C library, runtimes."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from ocisize.model.system import OperatingSystem, Runtime, System
from ocisize.filesystem.overlay import overlay_all
from ocisize.packages.runtimes import RuntimeRule, load_runtimes
from ocisize.packages.system import find_system, program_of
from ocisize.layer.kept_files import BEGINNINGS, KeptFiles
from ocisize.oci.documents import RunConfig
from ocisize.tar.scanner import scan_tar
from tests.catalogs import table_of
from tests.images import Entries, Entry, File, Hard, Link, tar_bytes
from tests.packages.rpm_databases import make_bdb, make_ndb, make_package, make_sqlite

DEBIAN = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
ALPINE = b"NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME='Alpine Linux v3.22'\n"


def system_of(*layers: Entries, run: RunConfig | None = None) -> System:
    tables = [scan_tar(io.BytesIO(tar_bytes(entries)), wanted=KeptFiles(), beginnings=BEGINNINGS) for entries in layers]
    return find_system(tables, overlay_all(tables), run or RunConfig())


@pytest.mark.parametrize("rule", load_runtimes(), ids=lambda rule: rule.name)
def test_examples_of_runtimes(rule: RuntimeRule) -> None:
    """Each program of a runtime has an example, which is recognized with its version; paths that look alike are not."""
    for path, version in rule.matches.items():
        (runtime,) = [runtime for runtime in system_of({path: b"elf"}).runtimes if runtime.name == rule.name]
        assert (runtime.path, runtime.version) == (path, version)
    paths = [path.encode() for path in rule.matches]
    assert all(any(map(pattern.fullmatch, paths)) for pattern in rule.patterns)
    assert rule.misses
    for path in rule.misses:
        assert rule.name not in [runtime.name for runtime in system_of({path: b"elf"}).runtimes]


def test_debian() -> None:
    """os-release by its symlink, installed packages only, the loader of glibc."""
    status = b"".join(
        b"Package: %b\nStatus: install ok %b\nVersion: 1\n\n" % pair
        for pair in [(b"a", b"installed"), (b"b", b"installed"), (b"c", b"config-files"), (b"d", b"half-installed")]
    )
    system = system_of(
        {
            "usr/lib/os-release": DEBIAN, "etc/os-release": Link("../usr/lib/os-release"), "var/lib/dpkg/status": status,
            "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": b"elf",
        }
    )  # fmt: skip
    assert system == System(
        os=OperatingSystem("debian", "Debian GNU/Linux 12 (bookworm)", "12"),
        package_manager="dpkg",
        packages=2,
        libc="glibc",
    )


def test_alpine() -> None:
    """Packages of apk, the loader of musl; a glibc loader for foreign programs does not make it glibc."""
    musl, gcompat = "lib/ld-musl-x86_64.so.1", "lib/ld-linux-x86-64.so.2"
    database = b"C:Q1\nP:musl\nV:1\n\nC:Q1\nP:busybox\nF:bin\nR:P:no\n\n"
    entries: dict[str, Entry] = {"etc/os-release": ALPINE, "lib/apk/db/installed": database, musl: b"elf"}
    expected = System(
        os=OperatingSystem("alpine", "Alpine Linux v3.22", "3.22.1"), package_manager="apk", packages=2, libc="musl"
    )
    assert system_of(entries) == expected
    assert system_of({**entries, gcompat: Link("ld-musl")}) == expected
    assert system_of({"etc/os-release": DEBIAN, musl: b"elf", gcompat: b"elf"}).libc == "glibc"


def test_distroless() -> None:
    """Distroless has a file for each package."""
    folder = "var/lib/dpkg/status.d"
    distroless = system_of(
        {f"{folder}/base": b"Package: a\n", f"{folder}/base.md5sums": b"x", f"{folder}/libc6": b"Package: b\n"}
    )
    assert (distroless.package_manager, distroless.packages) == ("dpkg", 2)


def test_rpm() -> None:
    """Packages in the newest database that can be read; without one, rpm's directory on a system that has rpm."""
    rocky = b'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
    headers = [make_package(name) for name in ("bash", "gpg-pubkey", "glibc")]
    for path, database in {
        "var/lib/rpm/rpmdb.sqlite": make_sqlite(headers),
        "usr/lib/sysimage/rpm/Packages.db": make_ndb(headers),
        "usr/share/rpm/Packages": make_bdb(headers),
        "var/lib/rpmmanifest/container-manifest-2": b"a\n" * 2,
    }.items():
        assert system_of({path: database}) == System(package_manager="rpm", packages=2)
    files: dict[str, Entry] = {"var/lib/rpm/rpmdb.sqlite": make_sqlite([]), "var/lib/rpm/Packages": make_bdb(headers)}
    assert system_of(files).packages == 2
    broken: dict[str, Entry] = {"var/lib/rpm/rpmdb.sqlite": b"x"}
    assert system_of(broken).package_manager is None
    system = system_of({"etc/os-release": rocky, **broken})
    assert (system.package_manager, system.packages) == ("rpm", None)
    assert system_of({"etc/os-release": rocky}).package_manager is None
    assert system_of({"etc/os-release": DEBIAN, **broken}).package_manager is None


def test_pacman() -> None:
    """Each package has a directory with its description."""
    files: dict[str, Entry] = {f"var/lib/pacman/local/{name}/{file}": b"x" for name in "ab" for file in ("desc", "files")}
    assert system_of(files) == System(package_manager="pacman", packages=2)
    assert system_of({"var/lib/pacman/local/ALPM_DB_VERSION": b"9"}) == System(package_manager="pacman")


def test_only_what_is_visible_counts() -> None:
    """The uppermost os-release counts, deleted files do not."""
    loader = "lib64/ld-linux-x86-64.so.2"
    base: dict[str, Entry] = {
        "etc/os-release": DEBIAN, "var/lib/dpkg/status": b"Package: a\nStatus: install ok installed\n", loader: b"elf",
        "usr/bin/python3.11": b"elf",
    }  # fmt: skip
    top: dict[str, Entry] = {
        "etc/os-release": ALPINE, "var/lib/dpkg/.wh.status": b"", "lib64/.wh.ld-linux-x86-64.so.2": b"",
        "usr/bin/.wh.python3.11": b"",
    }  # fmt: skip
    assert system_of(base, top) == System(os=OperatingSystem("alpine", "Alpine Linux v3.22", "3.22.1"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'ID=arch\nNAME="Arch Linux"\n', OperatingSystem("arch", "Arch Linux", "")),
        (b'# comment\nPRETTY_NAME="a \\"b\\" \\$c"\nID=x\n', OperatingSystem("x", 'a "b" $c', "")),
        (b"VERSION_ID=1\n", OperatingSystem("linux", "Linux", "1")),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_os_release_is_read_as_a_shell_does(data: bytes, expected: OperatingSystem | None) -> None:
    """Quotes and escapes, missing fields, rubbish."""
    assert system_of({"etc/os-release": data}).os == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("usr/local/bin/python3.12", ("python", "3.12")),
        ("opt/conda/bin/python3.11", ("python", "3.11")),
        ("usr/local/bin/node", ("node", "")),
        ("opt/java/openjdk/bin/java", ("jre", "")),
        ("usr/lib/jvm/java-17-openjdk-amd64/bin/java", ("jre", "17")),
        ("usr/lib/jvm/java-1.8-openjdk/jre/bin/java", ("jre", "1.8")),
        ("usr/lib/jvm/java-17-openjdk-amd64/bin/javac", ("jdk", "17")),
        ("usr/local/go/bin/go", ("go", "")),
        ("usr/lib/go-1.19/bin/go", ("go", "1.19")),
        ("usr/bin/ruby3.1", ("ruby", "3.1")),
        ("usr/bin/php83", ("php", "83")),
        ("usr/bin/perl5.36.0", ("perl", "5.36.0")),
        ("usr/lib/erlang/erts-15.1/bin/beam.smp", ("erlang", "15.1")),
        ("usr/lib/R/bin/R", ("r", "")),
        ("bin/lua5.4", ("lua", "5.4")),
    ],
)
def test_runtimes_by_their_program(path: str, expected: tuple[str, str]) -> None:
    """The version is in the path where the path has one."""
    (runtime,) = system_of({"etc/x": b""}, {path: b"elf"}).runtimes
    assert (runtime.name, runtime.version, runtime.path, runtime.layer) == (*expected, path, 1)


@pytest.mark.parametrize(
    "path",
    [
        "usr/bin/python3-config",
        "usr/bin/python3.11-config",
        "srv/node",
        "usr/bin/nodemon",
        "bin/go",
        "sbin/java/x",
        "usr/bin/pythonic",
    ],
)
def test_what_only_looks_like_a_runtime(path: str) -> None:
    """Names must match to the end and are in a bin folder."""
    assert not system_of({path: b"elf"}).runtimes


def test_the_environment_tells_versions() -> None:
    """Official images note the whole version; one that contradicts the path is another program's."""
    env = RunConfig(env=("PYTHON_VERSION=3.12.13", "JAVA_VERSION=jdk-21.0.12+8", "PATH=/bin", "NODE_VERSION"))
    entries: dict[str, Entry] = {
        "usr/local/bin/python3.12": b"", "usr/bin/python3.11": b"", "opt/java/bin/java": b"", "usr/local/bin/node": b"",
    }  # fmt: skip
    versions = [(runtime.path, runtime.version) for runtime in system_of(entries, run=env).runtimes]
    assert versions == [
        ("usr/bin/python3.11", "3.11"), ("usr/local/bin/python3.12", "3.12.13"), ("usr/local/bin/node", ""),
        ("opt/java/bin/java", "21.0.12"),
    ]  # fmt: skip
    old = system_of({"usr/bin/python3.1": b""}, run=RunConfig(env=("PYTHON_VERSION=3.12.13",)))
    assert old.runtimes[0].version == "3.1"


def test_one_runtime_under_several_names() -> None:
    """Links and names without a version say nothing new, and a JDK has a JRE."""
    system = system_of(
        {
            "usr/bin/python3.11": b"elf", "usr/bin/python3": Link("python3.11"), "usr/bin/perl": b"elf",
            "usr/bin/perl5.36.0": Hard("usr/bin/perl"), "opt/venv/bin/python3": Link("/usr/bin/python3.11"),
            "opt/jdk/bin/java": b"elf", "opt/jdk/bin/javac": b"elf",
        }
    )  # fmt: skip
    assert [(runtime.name, runtime.version) for runtime in system.runtimes] == [
        ("python", "3.11"),
        ("jdk", ""),
        ("perl", "5.36.0"),
    ]


@pytest.mark.slow
def test_many_runtimes_end() -> None:
    """However many programs look like a runtime, each is compared with those that could say it better only."""
    programs = [f"usr/bin/python3.{number}" for number in range(30_000)]
    programs += [f"venvs/{number}/bin/python3" for number in range(30_000)]
    tables = [table_of(programs)]
    runtimes = find_system(tables, overlay_all(tables), RunConfig()).runtimes
    versions = [f"3.{number}" for number in range(30_000)]
    longer = {version[:-1] for version in versions}
    expected = [version for version in versions if version not in longer]
    assert sorted(runtime.version for runtime in runtimes if runtime.path.startswith("usr")) == sorted(expected)
    assert len(runtimes) == len(expected) + 30_000


def test_dotnet_is_found_by_its_link() -> None:
    """The program lies outside of bin folders."""
    entries: Mapping[str, Entry] = {"usr/share/dotnet/dotnet": b"elf", "usr/bin/dotnet": Link("/usr/share/dotnet/dotnet")}
    (runtime,) = system_of(entries, run=RunConfig(env=("DOTNET_VERSION=9.0.1",))).runtimes
    assert (runtime.title, runtime.version) == (".NET", "9.0.1")


PROGRAM = File(b"\x7fELF" * 300_000, mode=0o755)


def test_a_static_binary() -> None:
    """A large program that the image starts, without a C library; with one it may be static or not."""
    run = RunConfig(entrypoint=("/app/serve",), cmd=("--port", "80"))
    expected = Runtime("static", "a static binary", "", "app/serve", 0)
    assert system_of({"app/serve": PROGRAM}, run=run).runtimes == (expected,)
    on_alpine = system_of({"lib/ld-musl-x86_64.so.1": b"elf"}, {"app/serve": PROGRAM}, run=run)
    assert [(runtime.name, runtime.layer) for runtime in on_alpine.runtimes] == [("native", 1)]
    assert len(system_of({"usr/bin/perl": b"", "app/serve": PROGRAM}, run=run).runtimes) == 2


@pytest.mark.parametrize(
    ("entries", "command"),
    [
        ({"app/serve": File(b"#!/bin/sh", mode=0o755)}, ("/app/serve",)),
        ({"app/serve": File(PROGRAM.data, mode=0o644)}, ("/app/serve",)),
        ({"usr/sbin/nginx": PROGRAM}, ("/usr/sbin/nginx",)),
        ({"app/serve": PROGRAM}, ("serve",)),
        ({"app/serve": PROGRAM}, ()),
        ({"app/serve": PROGRAM}, ("/",)),
        ({"app/serve": PROGRAM}, ("/other",)),
        ({"srv/app/serve": PROGRAM}, ("/app/serve",)),
        ({"app/serve": PROGRAM, "usr/local/bin/node": b"elf"}, ("/app/serve",)),
    ],
)
def test_other_programs_are_no_own_binary(entries: Mapping[str, Entry], command: tuple[str, ...]) -> None:
    """Scripts, the distribution's programs, and whatever is not started."""
    names = {runtime.name for runtime in system_of(entries, run=RunConfig(cmd=command)).runtimes}
    assert names.isdisjoint({"static", "native"})


@pytest.mark.parametrize(
    ("command", "expected"),
    [(("/usr/bin/python3.12", "app.py"), "python"), (("node",), "node"), (("./run",), "run"), ((), "")],
)
def test_the_program_that_is_started(command: tuple[str, ...], expected: str) -> None:
    """Without path and version."""
    assert program_of(RunConfig(cmd=command)) == expected
    assert program_of(RunConfig(entrypoint=command[:1], cmd=command[1:])) == expected
