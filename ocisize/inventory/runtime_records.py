"""find_runtime_records: language runtimes that no package manager installed, such as those of official images.

They are built from source or unpacked from archives, and the image notes their version in its environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ocisize.inventory.record import PackageRecord
from ocisize.model.packages import RUNTIME
from ocisize.model.system import Runtime, System
from ocisize.tuples import NamedTuple

_OF_SYSTEM = ("bin", "usr")  # directories that belong to the distribution, but for those below
_LOCAL = "usr/local"


class _Layout(NamedTuple):
    """Where a runtime is. Paths are relative to the directory above ``bin``; {minor} has two numbers of the version."""

    package: str  #: name of the package
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    is_whole: bool = False  #: the directory above ``bin`` has nothing else, unless it is one of ``_SHARED``
    excluded: tuple[str, ...] = ()  #: directories below, of packages
    root: str = ""  #: the directory of the runtime, if the program is only a link to it


_SHARED = (_LOCAL, "opt", "")  # directories that several programs share
_LAYOUTS: Mapping[str, _Layout] = {
    "python": _Layout(
        "python",
        (
            *(f"bin/{name}" for name in ("python", "python3", "python{minor}", "python-config", "python3-config")),
            *(f"bin/{name}" for name in ("python{minor}-config", "idle", "idle3", "idle{minor}")),
            *(f"bin/{name}" for name in ("pydoc", "pydoc3", "pydoc{minor}", "2to3", "2to3-{minor}")),
            "lib/libpython3.so", "lib/libpython{minor}.so", "lib/libpython{minor}.so.1.0", "lib/libpython{minor}.a",
            "lib/pkgconfig/python-{minor}.pc", "lib/pkgconfig/python-{minor}-embed.pc", "share/man/man1/python{minor}.1",
        ),
        ("lib/python{minor}", "include/python{minor}"),
        excluded=("lib/python{minor}/site-packages",),
    ),
    "node": _Layout(
        "node",
        ("bin/node", "bin/nodejs", "share/man/man1/node.1", "CHANGELOG.md", "LICENSE", "README.md"),
        ("include/node", "share/doc/node"),
    ),
    "jdk": _Layout("openjdk", is_whole=True),
    "jre": _Layout("openjdk", is_whole=True),
    "go": _Layout("go", is_whole=True),
    "ruby": _Layout(
        "ruby",
        (
            *(f"bin/{name}" for name in ("ruby", "irb", "erb", "gem", "rdoc", "ri", "rake", "bundle", "bundler")),
            *(f"lib/libruby{end}" for end in (".so", ".so.{minor}", ".so.{version}", "-static.a")),
            "lib/pkgconfig/ruby-{minor}.pc", "share/man/man1/ruby.1",
        ),
        ("lib/ruby/{minor}.0", "include/ruby-{minor}.0"),
    ),
    "php": _Layout(
        "php",
        (
            *(f"bin/{name}" for name in ("php", "php-cgi", "php-config", "phpdbg", "phpize", "phar", "phar.phar")),
            "sbin/php-fpm", "lib/libphp.so",
        ),
        ("lib/php", "include/php", "php"),
    ),
    "perl": _Layout("perl", ("bin/perl", "bin/perl{version}"), ("lib/perl5/{version}",)),
    "erlang": _Layout("erlang", directories=("lib/erlang",)),
    "dotnet": _Layout("dotnet", root="usr/share/dotnet"),
    "deno": _Layout("deno"),
    "bun": _Layout("bun"),
}  # fmt: skip


def find_runtime_records(system: System) -> list[PackageRecord]:
    """Records of the runtimes in ``system.runtimes`` that have a version, and are outside of the distribution's directories.

    A record owns the program, the other programs and the library of the runtime, but not what is in ``site-packages``.
    Packages further in keep their files.

    Its files are the last to be assigned, since RUNTIME is the last of ECOSYSTEMS. If a package of the system owns the
    program, which is the ``database`` of the record, the record is to be left out.

    >>> runtime = Runtime("python", "Python", "3.12.4", "usr/local/bin/python3.12", 1)
    >>> (record,) = find_runtime_records(System(runtimes=(runtime,)))
    >>> record.name, record.version, record.directories
    ('python', '3.12.4', (b'usr/local/lib/python3.12', b'usr/local/include/python3.12'))
    """
    return [_record(runtime, layout, prefix) for runtime, layout, prefix in _find_layouts(system)]


def _find_layouts(system: System) -> Iterator[tuple[Runtime, _Layout, str]]:
    """The runtimes with their layouts, and the directories above ``bin``."""
    for runtime in system.runtimes:
        layout = _LAYOUTS.get(runtime.name)
        if layout is None or not runtime.version:
            continue
        folder = runtime.path.rpartition("/")[0]
        prefix = folder.rpartition("/")[0] if folder.rpartition("/")[2] == "bin" else folder
        if runtime.name == "erlang" and "/lib/erlang/" in f"/{runtime.path}":
            prefix = f"/{runtime.path}".partition("/lib/erlang/")[0].lstrip("/")
        is_local = f"{prefix}/".startswith(f"{_LOCAL}/")
        if layout.root or is_local or (prefix and prefix.split("/")[0] not in _OF_SYSTEM):
            yield runtime, layout, prefix


def _record(runtime: Runtime, layout: _Layout, prefix: str) -> PackageRecord:
    program = runtime.path.encode("utf-8", "surrogateescape")
    minor = ".".join(runtime.version.split(".")[:2])
    base = prefix.encode("utf-8", "surrogateescape") + b"/"

    def place(paths: tuple[str, ...]) -> tuple[bytes, ...]:
        return tuple(base + path.format(minor=minor, version=runtime.version).encode() for path in paths)

    directories = place(layout.directories)
    if layout.is_whole and prefix not in _SHARED:
        directories = (base[:-1],)
    elif layout.root:
        directories = (layout.root.encode(),)
    files = (program, *place(layout.files))
    return PackageRecord(
        ecosystem=RUNTIME,
        name=layout.package,
        version=runtime.version,
        database=program,
        place=base[:-1],
        list_files=lambda: files,
        directories=directories,
        excluded_directories=place(layout.excluded),
    )
