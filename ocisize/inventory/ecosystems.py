"""The ecosystems whose records are read. A parser is imported only if an image has a file that may be one of its records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

from ocisize.inventory.record import Ecosystem
from ocisize.tar.filetable import FileTable
from ocisize.tuples import NamedTuple


class LazyEcosystem(NamedTuple):
    """An ecosystem, as far as it is known without its parser.

    The paths of its records are told by their beginnings and ends: a path that has none of them is no record, and of the
    others ``Ecosystem.is_database`` decides.
    """

    module: str  #: of ``ocisize.inventory``, that has the parser
    constant: str  #: of the module, whose value is the ``Ecosystem``
    beginnings: tuple[bytes, ...] = ()  #: of the paths of kept files
    ends: tuple[bytes, ...] = ()  #: of the paths of kept files
    names: tuple[bytes, ...] = ()  #: ends of the paths of files whose names alone are records, and which are not kept

    def may_have(self, path: bytes) -> bool:
        """Whether a kept file may be one of the records.

        >>> LazyEcosystem("apk_records", "APK", (b"lib/apk/",)).may_have(b"lib/apk/db/installed")
        True
        """
        return path.startswith(self.beginnings) or path.endswith(self.ends)

    def load(self) -> Ecosystem:
        """Import the parser."""
        ecosystem: Ecosystem = getattr(import_module(f"ocisize.inventory.{self.module}"), self.constant)
        return ecosystem


#: in any order: ``model.packages.ECOSYSTEMS`` has the order in which they own files
ECOSYSTEMS: tuple[LazyEcosystem, ...] = ()


def list_kept(tables: Iterable[FileTable]) -> list[dict[int, bytes]]:
    """The paths of the files that the scans of layers kept, by layer and row."""
    return [dict(zip(rows, table.paths.select(rows), strict=True)) for table in tables for rows in [sorted(table.contents)]]


def select_records(
    ecosystem: LazyEcosystem, tables: Sequence[FileTable], kept: Sequence[Mapping[int, bytes]]
) -> tuple[Ecosystem, list[dict[int, bytes]]] | None:
    """The parser of an ecosystem and, by layer, the paths of its records by row; None if no layer has any.

    ``kept`` is what ``list_kept`` returns for the tables.
    """
    candidates = [{row: path for row, path in paths.items() if ecosystem.may_have(path)} for paths in kept]
    for table, paths in zip(tables, candidates, strict=True):
        for name in ecosystem.names:
            paths.update(table.paths.select_with(name + b"\0"))
    if not any(candidates):
        return None
    parser = ecosystem.load()
    selected = [{row: path for row, path in paths.items() if parser.is_database(path)} for paths in candidates]
    return (parser, selected) if any(selected) else None
