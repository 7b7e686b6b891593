"""The packages that apk's database lists, with their files.

Format: https://wiki.alpinelinux.org/wiki/Apk_spec (``X:value`` lines, an empty line behind each package),
https://gitlab.alpinelinux.org/alpine/apk-tools (``apk-world``, ``apk-package`` for dependencies). apk-tools 3 has the same
text, in ``usr/lib`` where ``/lib`` is a link. Its binary form ``installed.adb`` exists only on demand and is not read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from functools import partial

from ocisize.inventory.record import DatabaseError, Ecosystem, PackageRecord, list_nothing
from ocisize.inventory.record_limits import limit_records, split_names
from ocisize.layer.kept_files import APK_DATABASES, APK_WORLD
from ocisize.model.packages import APK as ALPINE
from ocisize.packages.limits import MAX_FILES, MAX_PACKAGES, MAX_PATH
from ocisize.patterns import lazy_pattern
from ocisize.tar.paths import join

_BINARY_DATABASES = tuple(path + b".adb" for path in APK_DATABASES)
_FIELD = lazy_pattern(rb"^([PVAoLmDp]):(.*)$", re.MULTILINE)
_NAME = lazy_pattern(rb"[^!<>=~@][^<>=~@]*")  # of a dependency: without a leading !, which is a conflict, version and tag


def _is_database(path: bytes) -> bool:
    return path in APK_DATABASES or path == APK_WORLD or path in _BINARY_DATABASES


def _read(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    asked = frozenset(_names(files[APK_WORLD])) if APK_WORLD in files else None
    seen = set[str]()
    # that below /usr first: where both are, the other one is a remnant of an older apk-tools
    for database in sorted(path for path in APK_DATABASES if path in files)[::-1]:
        content = files[database]
        if content.count(b"\nR:") > MAX_FILES:
            raise DatabaseError(database, f"it lists more than {MAX_FILES:,} files")
        if content.count(b"\n\n") > MAX_PACKAGES:  # empty ones, too, take time
            raise DatabaseError(database, f"it has more than {MAX_PACKAGES:,} packages")
        for record in limit_records(database, _read_packages(database, content, asked)):
            if record.name not in seen:
                yield record
            seen.add(record.name)
    if not any(path in files for path in APK_DATABASES) and (
        binary := next(filter(files.__contains__, _BINARY_DATABASES), None)
    ):
        raise DatabaseError(binary, "this binary form of apk's database is not supported, and its text form is not there")


def _read_packages(database: bytes, content: bytes, asked: frozenset[str] | None) -> Iterator[PackageRecord]:
    start = 0
    while start < len(content):
        end = content.find(b"\n\n", start)
        end = len(content) if end < 0 else end
        first_folder = content.find(b"\nF:", start, end)
        lines = _FIELD.finditer(content, start, end if first_folder < 0 else first_folder)
        fields = {match[1]: match[2] for match in lines}
        name = _text(fields.get(b"P", b""))
        if name:
            provides = tuple(_names(fields.get(b"p", b"")))
            license_ = _text(fields.get(b"L", b""))
            yield PackageRecord(
                ecosystem=ALPINE,
                name=name,
                version=_text(fields.get(b"V", b"")),
                database=database,
                list_files=list_nothing if first_folder < 0 else partial(_list_files, content, first_folder + 1),
                architecture=_text(fields.get(b"A", b"")),
                source=_text(fields.get(b"o", b"")) or name,
                vendor=_text(fields.get(b"m", b"")),
                licenses=(license_,) if license_ else (),
                requires=tuple((other,) for other in _names(fields.get(b"D", b""))),
                provides=provides,
                is_automatic=None if asked is None else asked.isdisjoint((name, *provides)),
            )
        start = end + 2


def _list_files(content: bytes, start: int) -> Iterator[bytes]:
    """The files of the package whose first directory is at ``start``: the names in each directory follow it."""
    lines = io.BytesIO(content)  # does not copy the content
    lines.seek(start)
    folder: bytes | None = b""
    for line in lines:
        kind, value = line[:2], line[2:].rstrip(b"\n")
        if kind == b"F:":
            folder = value.strip(b"/") if len(value) <= MAX_PATH else None
        elif kind == b"R:" and folder is not None:
            yield join(folder, value)
        elif kind == b"\n":
            return


def _names(words: bytes) -> Iterator[str]:
    """The packages, or what packages provide, in a list of dependencies; without those that must not be there.

    >>> list(_names(b"musl>=1.2 so:libz.so.1 cmd:sh=1.36-r2 !uclibc app@edge"))
    ['musl', 'so:libz.so.1', 'cmd:sh', 'app']
    """
    return (_text(match[0]) for word in split_names(words) if (match := _NAME.match(word)))


def _text(value: bytes) -> str:
    return value.strip().decode("utf-8", "replace")


#: Alpine, Wolfi, Chainguard and their kin
APK = Ecosystem("apk", _is_database, _read, path_ends=(b"lib/apk/db/installed.adb",))
