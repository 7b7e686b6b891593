"""The packages that apk's database lists, with their files.

Format: https://wiki.alpinelinux.org/wiki/Apk_spec (``X:value`` lines, an empty line behind each package),
https://gitlab.alpinelinux.org/alpine/apk-tools (``apk-world``, ``apk-package`` for dependencies). apk-tools 3 has the same
text, in ``usr/lib`` where ``/lib`` is a link. Its binary form ``installed.adb`` exists only on demand and is not read.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice

from ocisize.inventory.record import DatabaseError, Ecosystem, PackageRecord, list_nothing
from ocisize.inventory.record_limits import limit_records, split_names
from ocisize.layer.kept_files import APK_DATABASES, APK_WORLD
from ocisize.model.packages import APK as ALPINE
from ocisize.packages.limits import MAX_FILES, MAX_PACKAGES, MAX_PATH
from ocisize.patterns import lazy_pattern
from ocisize.tar.paths import join
from ocisize.tuples import NamedTuple

_MAX_CONDITIONS = 100  # in ``i`` of one package; real ones have up to four
_BINARY_DATABASES = tuple(path + b".adb" for path in APK_DATABASES)
_FIELD = lazy_pattern(rb"^([PVAoLmDpi]):(.*)$", re.MULTILINE)
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


class _Stanza(NamedTuple):
    fields: Mapping[bytes, bytes]  # by letter
    files: int  # where the first directory is, -1 if there is none

    def text(self, letter: bytes) -> str:
        return _text(self.fields.get(letter, b""))

    def names(self, letter: bytes) -> Iterator[str]:
        return _names(self.fields.get(letter, b""))


def _read_stanzas(content: bytes) -> Iterator[_Stanza]:
    start = 0
    while start < len(content):
        end = content.find(b"\n\n", start)
        end = len(content) if end < 0 else end
        files = content.find(b"\nF:", start, end)
        lines = _FIELD.finditer(content, start, end if files < 0 else files)
        yield _Stanza({match[1]: match[2] for match in lines}, files)
        start = end + 2


def _read_packages(database: bytes, content: bytes, asked: frozenset[str] | None) -> Iterator[PackageRecord]:
    added = _find_added(content) if b"\ni:" in content else {}
    for stanza in _read_stanzas(content):
        name, license_ = stanza.text(b"P"), stanza.text(b"L")
        if name:
            provides = tuple(stanza.names(b"p"))
            yield PackageRecord(
                ecosystem=ALPINE,
                name=name,
                version=stanza.text(b"V"),
                database=database,
                list_files=list_nothing if stanza.files < 0 else partial(_list_files, content, stanza.files + 1),
                architecture=stanza.text(b"A"),
                source=stanza.text(b"o") or name,
                vendor=stanza.text(b"m"),
                licenses=(license_,) if license_ else (),
                requires=tuple((other,) for other in stanza.names(b"D")),
                recommends=tuple((other,) for other in added.get(name, ())),
                provides=provides,
                is_automatic=None if asked is None else asked.isdisjoint((name, *provides)),
            )


def _find_added(content: bytes) -> dict[str, list[str]]:
    """By package, the packages that apk adds to it if others are there, such as its bytecode or its service for OpenRC.

    Such a package names what it is added to: with a version the one that it belongs to, then those that must be there, too.
    """
    added: dict[str, list[str]] = defaultdict(list)
    for stanza in _read_stanzas(content):
        words = stanza.fields.get(b"i", b"").split(None, _MAX_CONDITIONS)[:_MAX_CONDITIONS]
        words.sort(key=lambda word: b"=" not in word)
        for name in islice(_names(b" ".join(words)), 1):
            added[name].append(stanza.text(b"P"))
    return added


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
