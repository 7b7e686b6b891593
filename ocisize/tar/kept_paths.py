"""kept_paths: the paths of the small files whose content a scan keeps, looked up once for a layer."""

from __future__ import annotations

from ocisize.tar.filetable import FileTable


def kept_paths(table: FileTable) -> dict[int, bytes]:
    """Return the paths of the rows in ``table.contents``, by row, ascending. Nobody may change them.

    >>> from ocisize import Analyzer
    >>> analysis = Analyzer(keep_packages=True).analyze("testdata/example.tar")
    >>> list(kept_paths(analysis.layers[0].files).values())
    [b'etc/debian_version', b'usr/lib/os-release']
    """
    known = table.derived.get(kept_paths)
    if isinstance(known, dict) and known.keys() == table.contents.keys():
        return known
    rows = sorted(table.contents)
    found = dict(zip(rows, table.paths.select(rows), strict=True))
    if rows:  # a table without its contents shares the values of the one with them
        table.derived[kept_paths] = found
    return found
