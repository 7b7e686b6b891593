"""The packages that pacman's database lists, with their files.

Format: https://man.archlinux.org/man/pacman.8 and ``lib/libalpm/be_local.c`` of https://gitlab.archlinux.org/pacman/pacman.
Each package has a directory with ``desc`` and ``files``: a line ``%KEY%``, values on a line each, and an empty line.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, islice

from ocisize.inventory.record import Ecosystem, PackageRecord
from ocisize.inventory.record_limits import limit_records
from ocisize.layer.kept_files import PACMAN_FOLDER
from ocisize.model.packages import ALPM
from ocisize.packages.limits import MAX_RELATIONS
from ocisize.patterns import lazy_pattern

_PATH = lazy_pattern(rb"var/lib/pacman/local/[^/]+/(?:desc|files)")
_OWN_FILES = (b"desc", b"files", b"mtree", b"install", b"changelog")  # of a package, in its directory
_NAME = lazy_pattern(rb"[^<>=]+")  # of a dependency, without its version
_KEYS = frozenset(
    {b"NAME", b"VERSION", b"BASE", b"ARCH", b"PACKAGER", b"LICENSE", b"REASON", b"DEPENDS", b"PROVIDES"}
)  # that records have
_AUTOMATIC = b"1"  # %REASON% of packages that others needed; those that were asked for have none


def _is_database(path: bytes) -> bool:
    return path.startswith(PACMAN_FOLDER) and _PATH.fullmatch(path) is not None


def _read(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    described = (path for path in files if path.endswith(b"/desc"))
    records = (_make_record(path, files) for path in described)
    return limit_records(PACMAN_FOLDER, (record for record in records if record is not None))


def _make_record(path: bytes, files: Mapping[bytes, bytes]) -> PackageRecord | None:
    values = _read_sections(files[path])
    name = _first(values, b"NAME")
    if not name:
        return None
    return PackageRecord(
        ecosystem=ALPM,
        name=name,
        version=_first(values, b"VERSION"),
        database=path,
        list_files=partial(_list_files, path.rpartition(b"/")[0] + b"/", files),
        architecture=_first(values, b"ARCH"),
        source=_first(values, b"BASE") or name,
        vendor=_first(values, b"PACKAGER"),
        licenses=tuple(map(_text, values.get(b"LICENSE", ()))),
        requires=tuple((other,) for other in _names(values.get(b"DEPENDS", ()))),
        provides=tuple(_names(values.get(b"PROVIDES", ()))),
        is_automatic=values.get(b"REASON") == [_AUTOMATIC],
    )


def _read_sections(content: bytes) -> dict[bytes, list[bytes]]:
    """The values of each section that records have; at most so many that ``limit_records`` sees that there are too many."""
    sections: dict[bytes, list[bytes]] = defaultdict(list)
    section: list[bytes] | None = None
    for line in islice(map(bytes.strip, io.BytesIO(content)), 2 * MAX_RELATIONS):
        if line[:1] == line[-1:] == b"%":
            section = sections[line[1:-1]] if line[1:-1] in _KEYS else None
        elif line and section is not None:
            section.append(line)
    return sections


def _list_files(folder: bytes, files: Mapping[bytes, bytes]) -> Iterator[bytes]:
    return chain(_read_files(files.get(folder + b"files", b"")), (folder + name for name in _OWN_FILES))


def _read_files(content: bytes) -> Iterator[bytes]:
    """The paths below ``%FILES%``; those of directories end with a slash."""
    in_section = False
    for line in map(bytes.rstrip, io.BytesIO(content)):
        if line[:1] == line[-1:] == b"%":
            in_section = line == b"%FILES%"
        elif in_section and line and not line.endswith(b"/"):
            yield line


def _names(relations: Iterable[bytes]) -> Iterator[str]:
    """The packages, or what packages provide, without versions."""
    return (_text(match[0]) for relation in relations if (match := _NAME.match(relation)))


def _first(sections: Mapping[bytes, list[bytes]], key: bytes) -> str:
    return _text(next(iter(sections.get(key, ())), b""))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


PACMAN = Ecosystem("pacman", _is_database, _read)  #: Arch Linux and its kin
