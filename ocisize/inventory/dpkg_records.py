"""The packages that dpkg's database lists, with their files.

Formats: https://man7.org/linux/man-pages/man5/deb-control.5.html (stanzas), https://man7.org/linux/man-pages/man1/dpkg.1.html
(states), https://man7.org/linux/man-pages/man1/dpkg-divert.1.html (diversions). Distroless images have a file for each
package in ``status.d``, without ``Status``, and a ``.md5sums`` beside it in place of a list. APT records in
``extended_states`` the packages that no command named. A package that was removed has no record, even if its configuration
is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, islice, tee
from typing import TypeAlias

from ocisize.inventory.record import Alternatives, Ecosystem, PackageRecord
from ocisize.inventory.record_limits import limit_records
from ocisize.layer.kept_files import APT_STATES, DPKG_DIVERSIONS, DPKG_FOLDER, DPKG_LISTS, DPKG_STATUS
from ocisize.model.packages import DEB
from ocisize.packages.dpkg import PackageId, field_text, installed_stanzas, package_id, read_alternatives, read_automatic
from ocisize.packages.dpkg_files import MD5SUMS, list_package_files, parse_file_list, parse_md5sums
from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple

_MAX_DIVERSIONS = 20_000  # real systems have up to a hundred
_SOURCE = lazy_pattern(r"(\S+)(?:\s+\((\S+)\))?")


class _Diversion(NamedTuple):
    package: bytes  # that keeps the name; b":" of diversions that administrators add
    diverted_to: bytes


_Diversions: TypeAlias = Mapping[bytes, _Diversion]
_Relations: TypeAlias = dict[bytes, tuple[Alternatives, ...]]  # that were read, by text: packages of one source share them


def _is_database(path: bytes) -> bool:
    return (
        path in (DPKG_STATUS, DPKG_DIVERSIONS, APT_STATES)
        or path.startswith(DPKG_FOLDER)
        or (path.startswith(DPKG_LISTS) and path.endswith(b".list"))
    )


def _read(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    known: _Relations = {}
    if DPKG_STATUS in files:
        yield from limit_records(DPKG_STATUS, _read_status(files, known))
    yield from limit_records(DPKG_FOLDER, _read_distroless(files, known))


def _read_status(files: Mapping[bytes, bytes], known: _Relations) -> Iterator[PackageRecord]:
    diversions = dict(_read_diversions(files.get(DPKG_DIVERSIONS, b"")))
    automatic = read_automatic(files.get(APT_STATES, b""))
    names = frozenset(id_.name for id_ in automatic)
    for fields in installed_stanzas(files[DPKG_STATUS]):
        id_ = package_id(fields)
        # APT records packages for all architectures with that of the machine
        is_automatic = id_ in automatic or (id_.architecture == "all" and id_.name in names)
        yield _make_record(
            fields,
            DPKG_STATUS,
            partial(_list_files, id_, files, diversions),
            known,
            is_automatic=is_automatic if APT_STATES in files else None,
        )


def _read_distroless(files: Mapping[bytes, bytes], known: _Relations) -> Iterator[PackageRecord]:
    for path in files:
        if path.startswith(DPKG_FOLDER) and not path.endswith(MD5SUMS):
            for fields in installed_stanzas(files[path], is_distroless=True):
                yield _make_record(fields, path, partial(_list_distroless, path, files), known)


def _make_record(
    fields: Mapping[bytes, bytes],
    database: bytes,
    list_files: Callable[[], Iterable[bytes]],
    known: _Relations,
    *,
    is_automatic: bool | None = None,
) -> PackageRecord:
    id_, version = package_id(fields), field_text(fields, b"version")
    source = _SOURCE.match(field_text(fields, b"source"))
    source_version = source[2] or "" if source else ""
    return PackageRecord(
        ecosystem=DEB,
        name=id_.name,
        version=version,
        database=database,
        list_files=list_files,
        architecture=id_.architecture,
        source=source[1] if source else id_.name,
        source_version=source_version if source_version != version else "",
        vendor=field_text(fields, b"maintainer"),
        requires=(*_relations(fields, b"pre-depends", known), *_relations(fields, b"depends", known)),
        recommends=_relations(fields, b"recommends", known),
        provides=tuple(names[0] for names in _relations(fields, b"provides", known)),
        is_automatic=is_automatic,
        is_essential=_is_essential(fields),
    )


def _relations(fields: Mapping[bytes, bytes], name: bytes, known: _Relations) -> tuple[Alternatives, ...]:
    text = fields.get(name, b"")
    if text not in known:
        known[text] = tuple(read_alternatives(text))
    return known[text]


def _is_essential(fields: Mapping[bytes, bytes]) -> bool:
    marks = (field_text(fields, name).lower() for name in (b"essential", b"protected"))
    return "yes" in marks or field_text(fields, b"priority").lower() == "required"


def _list_files(package: PackageId, files: Mapping[bytes, bytes], diversions: _Diversions) -> Iterator[bytes]:
    """The files of a package under the names that they have on disk."""
    listed = list_package_files(package, files)
    return _divert(package.name.encode(), listed, diversions) if diversions else listed


def _divert(package: bytes, paths: Iterable[bytes], diversions: _Diversions) -> Iterator[bytes]:
    of_others = {path: diversion.diverted_to for path, diversion in diversions.items() if diversion.package != package}
    return map(of_others.get, *tee(paths))


def _read_diversions(content: bytes) -> Iterator[tuple[bytes, _Diversion]]:
    """The diversions by the path that is diverted: three lines each, of which the last names the package or is ``:``."""
    lines = parse_file_list(content)
    groups = zip(lines, lines, lines, strict=False)
    for path, diverted_to, package in islice(groups, _MAX_DIVERSIONS):
        yield path, _Diversion(package, diverted_to)


def _list_distroless(path: bytes, files: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """The files of a package in ``status.d``: the names of its files there may differ from that of the package."""
    return chain(parse_md5sums(files.get(path + MD5SUMS, b"")), (path, path + MD5SUMS))


DPKG = Ecosystem("dpkg", _is_database, _read)  #: Debian, Ubuntu, distroless and their kin
