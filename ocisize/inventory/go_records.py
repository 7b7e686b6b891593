"""The modules of a Go program, from its build information.

The lines are those of ``go version -m``: https://pkg.go.dev/runtime/debug#BuildInfo. Versions of checkouts are made as Go
makes them: https://go.dev/ref/mod#pseudo-versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ocisize.inventory.record import PackageRecord
from ocisize.model.packages import GO
from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple

_DEVELOPMENT = "(devel)"  # the version of a program that was not built as a dependency, up to Go 1.23
_DIRECTORIES = ("./", "../", "/")  # beginnings of the paths of replacements that are no modules
_NO_MODULE = "command-line-arguments"  # the path of a program whose files were named one by one
_REVISION_SIZE = 12  # characters
_TOOLCHAIN = "cmd/"  # beginning of the paths of programs of Go itself
_GO_VERSION = lazy_pattern(r"go(\d+(?:\.\d+)*(?:(?:rc|beta)\d+)?)")
_TIME = lazy_pattern(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z")
#: a version that the linker writes to a variable: ``-X main.version=v1.2.0``, ``-X 'a/b.Version=1.2'``
_LINKED_VERSION = lazy_pattern(
    r"""-X[ =]?['"]?[\w./~-]{0,200}?\b(?:[Vv]ersion|VERSION|[bB]uildVersion)=(v?\d+\.\d+[\w.+-]{0,60})(?=['"\s]|$)"""
)
_MAX_FLAGS = 4096  # characters


class _Module(NamedTuple):
    """One module, after its replacement."""

    path: str
    version: str


class _BuildInfo(NamedTuple):
    """What the lines of a program's build information say."""

    go: str
    path: str
    main: _Module | None
    dependencies: tuple[_Module, ...]
    settings: Mapping[str, str]


def read_go(path: bytes, data: bytes) -> list[PackageRecord]:
    r"""The main module of the program at ``path``, which owns the file, the standard library, and all other modules.

    A module that was replaced is the one in its place. A replacement by a directory keeps the name of the module, without a
    version.

    >>> lines = b"go1.19\npath\tx.org/a/cmd\nmod\tx.org/a\t(devel)\t\ndep\tx.org/b\tv1.0.0\n=>\tx.org/c\tv1.1.0\th1:x\n"
    >>> [(record.name, record.version) for record in read_go(b"bin/a", lines)]
    [('x.org/a', ''), ('stdlib', '1.19'), ('x.org/c', 'v1.1.0')]
    """
    info = _parse(data.decode("utf-8", "replace"))
    number = _GO_VERSION.match(info.go)
    version = number[1] if number else ""
    name, main_version = _main_module(info, path.rpartition(b"/")[2].decode("utf-8", "replace"), version)
    records = [
        _record(path, name or "main", main_version, owns=True),
        _record(path, "stdlib", version),
    ]
    for module, version in dict.fromkeys(info.dependencies):
        if module:
            records.append(_record(path, module, "" if version == _DEVELOPMENT else version))
    return records


def _record(path: bytes, name: str, version: str, *, owns: bool = False) -> PackageRecord:
    if not owns:
        return PackageRecord(ecosystem=GO, name=name, version=version, database=path, place=path)
    return PackageRecord(ecosystem=GO, name=name, version=version, database=path, place=path, list_files=lambda: (path,))


def _parse(text: str) -> _BuildInfo:
    go, _, rest = text.partition("\n")
    path, main, dependencies, settings = "", list[_Module](), list[_Module](), dict[str, str]()
    last = dependencies  # the list that a replacement belongs to
    for kind, *fields in _split(rest):
        value = fields[0] if fields else ""
        version = fields[1] if len(fields) > 1 else ""
        if kind == "path":
            path = value
        elif kind in ("mod", "dep"):
            last = main if kind == "mod" else dependencies
            last.append(_Module(value, version))
        elif kind == "=>" and last:
            last[-1] = _Module(last[-1].path, "") if value.startswith(_DIRECTORIES) else _Module(value, version)
        elif kind == "build":
            name, _, setting = value.partition("=")
            settings[name] = _unquote(setting)
    return _BuildInfo(go, path, main[0] if main else None, tuple(dependencies), settings)


def _split(text: str) -> Iterator[list[str]]:
    for line in text.split("\n"):
        yield line.split("\t")


def _unquote(text: str) -> str:
    r"""A value of a setting, which Go quotes if it has spaces or quotes; of escapes, those of quotes matter here."""
    return text[1:-1].replace('\\"', '"').replace("\\\\", "\\") if len(text) > 1 and text[0] == text[-1] == '"' else text


def _main_module(info: _BuildInfo, file_name: str, go_version: str) -> tuple[str, str]:
    """Name and version of the module that the program was built from; without modules, of the program."""
    if info.main is None or not info.main.path:
        if info.path.startswith(_TOOLCHAIN):
            return info.path, go_version
        return (info.path if info.path and info.path != _NO_MODULE else file_name), _version_of_build(info.settings)
    name, version = info.main
    if version and version != _DEVELOPMENT:
        return name, version.removesuffix("+dirty")
    return name, _version_of_build(info.settings)


def _version_of_build(settings: Mapping[str, str]) -> str:
    """The version that the linker wrote to a variable, else that of the checkout; "" if neither is known."""
    linked = set(_LINKED_VERSION.findall(settings.get("-ldflags", "")[:_MAX_FLAGS]))
    return _with_v(linked.pop()) if len(linked) == 1 else _pseudo_version(settings)


def _with_v(version: str) -> str:
    return version if version.startswith("v") else f"v{version}"


def _pseudo_version(settings: Mapping[str, str]) -> str:
    """The version of a checkout without a tag; "" if the program does not say which one it was built from."""
    time, revision = _TIME.fullmatch(settings.get("vcs.time", "")), settings.get("vcs.revision", "")
    if time is None or not re.fullmatch("[0-9a-f]{12,64}", revision):
        return ""
    return f"v0.0.0-{''.join(time.groups())}-{revision[:_REVISION_SIZE]}"
