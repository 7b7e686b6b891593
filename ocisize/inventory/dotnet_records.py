"""The packages of .NET programs: ``PROGRAM.deps.json`` beside a program, and the shared frameworks and SDKs as wholes.

Format: https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md. A published program has
the files of its packages beside itself: ``lib/net8.0/A.dll`` of a package is ``A.dll``, ``lib/net8.0/de/A.resources.dll``
with the locale ``de`` is ``de/A.resources.dll``, and what depends on the platform keeps its path.
Layout of installations: https://learn.microsoft.com/en-us/dotnet/core/distribution-packaging.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ocisize.inventory.record import Ecosystem, PackageRecord
from ocisize.inventory.record_limits import Relations
from ocisize.inventory.text_fields import PathList, keys_of, load_object, object_of, text_of
from ocisize.layer.kept_files import DEPS_JSON
from ocisize.model.packages import DOTNET
from ocisize.patterns import lazy_pattern
from ocisize.tar.paths import join

_SDK = "Microsoft.NET.Sdk"
_PACK = "runtimepack."  # before the name of a framework that a program brings along
_SHARED = lazy_pattern(rb"(?:(.*)/)?(shared/([^/]+)/(\d[^/]*))/[^/]+\.deps\.json", re.DOTALL)
_IN_SDK = lazy_pattern(rb"(?:(.*)/)?(sdk/(\d[^/]*))/dotnet\.deps\.json", re.DOTALL)
_BELOW_SDK = lazy_pattern(rb"(?:.*/)?sdk/\d+\.\d+\.\d[^/]*/.*", re.DOTALL)
_ASSETS = ("runtime", "native")  # files by their paths in the package, which are beside the program


def is_dotnet_database(path: bytes) -> bool:
    """Whether a file lists the packages of a program.

    >>> is_dotnet_database(b"app/shop.deps.json")
    True
    """
    return path.endswith(DEPS_JSON)


def read_dotnet(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    """The packages of all programs; ``place`` is the directory of the program. A framework or an SDK is one package.

    >>> text = b'{"targets": {".NETCoreApp,Version=v8.0": {"Serilog/4.0.0": {"runtime": {"lib/net8.0/Serilog.dll": {}}}}},'
    >>> text += b'"libraries": {"Serilog/4.0.0": {"type": "package"}}}'
    >>> files = {b"app/shop.deps.json": text, b"dotnet/shared/Microsoft.NETCore.App/8.0.1/x.deps.json": b"{}"}
    >>> [(found.name, found.version, found.directories, *found.list_files()) for found in read_dotnet(files)]
    [('Serilog', '4.0.0', (), b'app/Serilog.dll'), \
('Microsoft.NETCore.App', '8.0.1', (b'dotnet/shared/Microsoft.NETCore.App/8.0.1',))]
    """
    relations = Relations()
    seen: set[tuple[bytes, str]] = set()  # of programs in one directory, and of a framework with several documents
    for path in sorted(files):
        if (match := _SHARED.fullmatch(path)) is not None:
            name = match[3].decode(errors="backslashreplace")
            records = iter([_make_whole(path, match[1] or b"", match[2], name, match[4])])
        elif (match := _IN_SDK.fullmatch(path)) is not None:
            records = iter([_make_whole(path, match[1] or b"", match[2], _SDK, match[3])])
        elif _BELOW_SDK.fullmatch(path) is not None:
            continue  # parts of an SDK
        else:
            records = _read_program(path, load_object(files[path]), relations)
        for record in records:
            key = record.place, f"{record.name}/{record.version}".lower()
            if key not in seen:
                seen.add(key)
                yield record
    relations.check()


def _make_whole(path: bytes, place: bytes, directory: bytes, name: str, version: bytes) -> PackageRecord:
    """A framework or an SDK; several versions can be installed beside each other."""
    return PackageRecord(
        ecosystem=DOTNET,
        name=name,
        version=version.decode(errors="backslashreplace"),
        database=path,
        place=place,
        directories=(join(place, directory),),
    )


def _read_program(path: bytes, document: Mapping[str, Any], relations: Relations) -> Iterator[PackageRecord]:
    directory = path.rpartition(b"/")[0]
    libraries = object_of(document.get("libraries"))
    by_library: dict[str, list[Mapping[str, Any]]] = defaultdict(list)  # what each target says of it
    for target in object_of(document.get("targets")).values():
        for key, fields in object_of(target).items():
            by_library[key].append(object_of(fields))
    asked = {
        needed.lower()
        for key, library in libraries.items()
        if object_of(library).get("type") == "project"
        for fields in by_library.get(key, ())
        for needed in keys_of(fields.get("dependencies"))
    }
    for key, library in libraries.items():
        name, _, version = text_of(key).partition("/")
        kind = object_of(library).get("type")
        if not name or kind not in ("package", "runtimepack"):
            continue
        of_package = by_library.get(key, ())
        named = (needed for fields in of_package for needed in keys_of(fields.get("dependencies")))
        needed_names = dict.fromkeys(relations.take(named, path))
        yield PackageRecord(
            ecosystem=DOTNET,
            name=name.removeprefix(_PACK),
            version=version,
            database=path,
            place=directory,
            list_files=PathList(dict.fromkeys(found for fields in of_package for found in _assets(fields)), directory),
            requires=tuple((needed,) for needed in needed_names),
            is_automatic=name.lower() not in asked if asked else None,
        )


def _assets(fields: Mapping[str, Any]) -> Iterator[bytes]:
    """The files of a package, as they are called in the directory of the program."""
    for listed in _listed_assets(fields):
        if listed.rpartition("/")[2] != "_._":  # the empty file that says that there is nothing
            yield listed.encode()


def _listed_assets(fields: Mapping[str, Any]) -> Iterator[str]:
    for name in _ASSETS:
        for listed in keys_of(fields.get(name)):
            yield listed.rpartition("/")[2]
    for listed, values in object_of(fields.get("resources")).items():
        locale = text_of(object_of(values).get("locale"))
        if locale and (file := text_of(listed).rpartition("/")[2]):
            yield f"{locale}/{file}"
    yield from keys_of(fields.get("runtimeTargets"))


ECOSYSTEM = Ecosystem("dotnet", is_dotnet_database, read_dotnet)
