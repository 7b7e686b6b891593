"""The packages that the databases of rpm list, with their files.

Format of packages: https://rpm-software-management.github.io/rpm/manual/format_header.html. The modules beside this one read
the databases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from ocisize.inventory.record import Alternatives, DatabaseError, Ecosystem, PackageRecord
from ocisize.inventory.record_limits import limit_records
from ocisize.inventory.rpm.manifest import read_manifest
from ocisize.inventory.rpm.reasons import InstallReasons
from ocisize.inventory.rpm.requirements import read_requirements
from ocisize.inventory.rpm.source import split_source
from ocisize.layer.kept_files import DNF_HISTORY, DNF_REASONS, LOG, RPM_LOGS, RPM_MANIFEST, ZYPP_AUTOMATIC
from ocisize.model import packages
from ocisize.packages.limits import MAX_FILES, MAX_RELATIONS
from ocisize.packages.rpm import header as tags
from ocisize.packages.rpm.blobs import Blob, BrokenDatabase
from ocisize.packages.rpm.header import Header
from ocisize.packages.rpm.stores import PUBLIC_KEY, STORES, read_blobs
from ocisize.text import count_of
from ocisize.values import evolve

_PLACES = frozenset({*STORES, *RPM_LOGS, RPM_MANIFEST, DNF_HISTORY, DNF_HISTORY + LOG, DNF_REASONS, ZYPP_AUTOMATIC})


def _is_database(path: bytes) -> bool:
    return path in _PLACES


def _read(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    """The packages of the newest database that has some: others are remnants of a conversion, or empty."""
    problem: DatabaseError | None = None
    for path in (*STORES, RPM_MANIFEST):
        content = files.get(path)
        if content is None:
            continue
        records: list[PackageRecord] = []
        try:
            for record in limit_records(path, _read_manifest_or_store(path, content, files.get(path + LOG, b""))):
                records.append(record)  # noqa: PERF402 - those before an error count
        except DatabaseError as error:
            problem = problem or error
        yield from _complete(records, InstallReasons(files))
        if records:
            break
    if problem is not None:
        raise problem


def _read_manifest_or_store(path: bytes, content: bytes, log: bytes) -> Iterator[PackageRecord]:
    return read_manifest(content) if path == RPM_MANIFEST else _read_store(path, content, log)


def _read_store(path: bytes, content: bytes, log: bytes) -> Iterator[PackageRecord]:
    """The packages of a database; raises DatabaseError behind them if there are others that cannot be read."""
    files = broken = 0
    for blob in _read_blobs(path, content, log):
        try:
            header = Header(blob.load())
        except BrokenDatabase:
            broken += 1
            continue
        files += max(map(header.count, (tags.BASE_NAMES, tags.DIRECTORY_NAMES)))
        if files > MAX_FILES:
            raise DatabaseError(path, f"it lists more than {count_of(MAX_FILES, 'file')}")
        if (record := _make_record(path, blob, header)) is not None:
            yield record
    if broken:
        raise DatabaseError(path, f"{count_of(broken, 'package')} cannot be read")


def _read_blobs(path: bytes, content: bytes, log: bytes) -> Iterator[Blob]:
    try:
        yield from read_blobs(content, log)
    except BrokenDatabase as error:
        raise DatabaseError(path, str(error)) from error


def _make_record(path: bytes, blob: Blob, header: Header) -> PackageRecord | None:
    name = header.text(tags.NAME)
    if not name or name == PUBLIC_KEY:
        return None
    version = "-".join(filter(None, (header.text(tags.VERSION), header.text(tags.RELEASE))))
    source, source_version = split_source(header.text(tags.SOURCE_RPM))
    epoch = next(header.numbers(tags.EPOCH), 0)
    module = header.text(tags.MODULARITY_LABEL)
    license_ = header.text(tags.LICENSE)
    return PackageRecord(
        ecosystem=packages.RPM,
        name=name,
        version=version,
        database=path,
        list_files=partial(_list_files, blob, path.rpartition(b"/")[0] + b"/"),
        architecture=header.text(tags.ARCHITECTURE),
        source=source,
        source_version=source_version if source_version != version else "",
        vendor=header.text(tags.VENDOR) or header.text(tags.PACKAGER),
        licenses=(license_,) if license_ else (),
        qualifiers={**({"epoch": str(epoch)} if epoch else {}), **({"rpmmod": module} if module else {})},
        requires=_requirements(header, tags.REQUIRES),
        recommends=_requirements(header, tags.RECOMMENDS),
        provides=tuple(dict.fromkeys(_relations(header, tags.PROVIDES))),
    )


def _requirements(header: Header, tag: int) -> tuple[Alternatives, ...]:
    return tuple(read_requirements(_relations(header, tag)))


def _relations(header: Header, tag: int) -> Iterable[str]:
    return islice(header.texts(tag), MAX_RELATIONS + 1)  # limit_records sees that these are too many


def _list_files(blob: Blob, own_folder: bytes) -> Iterator[bytes]:
    """The files of a package; not those of the database itself, which rpm lists among its own."""
    return (path for path in Header(blob.load()).files() if not path.startswith(own_folder))


def _complete(records: Sequence[PackageRecord], reasons: InstallReasons) -> Iterator[PackageRecord]:
    """The records with why they were installed, and with the paths of files that others require among what they provide."""
    required = {name for record in records for names in record.requires for name in names if name.startswith("/")}
    paths = {name[1:].encode() for name in required}
    for record in records:
        found = paths.intersection(record.list_files()) if paths else ()
        provides = dict.fromkeys((*record.provides, *sorted(f"/{path.decode()}" for path in found)))
        is_automatic = reasons.is_automatic(record.name, record.architecture)
        yield evolve(record, provides=tuple(provides), is_automatic=is_automatic)


RPM = Ecosystem("rpm", _is_database, _read)  #: Fedora, RHEL, SUSE, Azure Linux, Amazon Linux and their kin
