"""read_excerpt: the packages that an executable or a jar says were built into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ocisize.excerpts.parts import ELF_NOTE, GO_BUILD_INFO, JAR, RUST_CRATES, Part, unpack_parts
from ocisize.inventory.go_records import read_go
from ocisize.inventory.java_records import read_jar
from ocisize.inventory.note_records import read_note
from ocisize.inventory.record import PackageRecord
from ocisize.inventory.rust_records import read_crates

_READERS: Mapping[bytes, Callable[[bytes, Sequence[Part]], list[PackageRecord]]] = {
    GO_BUILD_INFO: lambda path, parts: read_go(path, parts[0].data),
    RUST_CRATES: lambda path, parts: read_crates(path, parts[0].data),
    ELF_NOTE: lambda path, parts: read_note(path, parts[0].data),
    JAR: read_jar,
}


def read_excerpt(path: bytes, excerpt: bytes, *, with_notes: bool = False) -> list[PackageRecord]:
    r"""The packages of one file, from its excerpt in ``FileTable.excerpts``.

    The first one, which the file was built from, owns the file. The others have no files of their own: their bytes are part
    of it. ``path`` is that of the file, which is the database and the place of all records.

    ``with_notes`` adds the package of a distribution that ``.note.package`` names. All files of a package name it again, so
    it is for images whose database is gone.

    >>> from ocisize.excerpts.parts import pack_part
    >>> text = b"go1.22.5\npath\texample.org/app\nmod\texample.org/app\tv1.2.0\t\ndep\tgolang.org/x/net\tv0.26.0\th1:x\n"
    >>> for record in read_excerpt(b"usr/bin/app", pack_part(Part(GO_BUILD_INFO, b"", text))):
    ...     print(record.ecosystem, record.name, record.version, list(record.list_files()))
    go example.org/app v1.2.0 [b'usr/bin/app']
    go stdlib 1.22.5 []
    go golang.org/x/net v0.26.0 []
    """
    parts = list(unpack_parts(excerpt))
    records: list[PackageRecord] = []
    for kind in dict.fromkeys(part.kind for part in parts):
        if kind in _READERS and (with_notes or kind != ELF_NOTE):
            records += _READERS[kind](path, [part for part in parts if kind in (JAR, part.kind)])
    return records
