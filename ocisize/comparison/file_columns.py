"""The stored files of an image in columns, with what identifies a file of another image as the same."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Collection, Iterable, Mapping
from itertools import chain, compress, repeat

from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.file_changes import FileColumns
from ocisize.model.sizes import paid_layers
from ocisize.model.waste import CAUSES, Cause
from ocisize.tar.content_hash import HASH_SIZE
from ocisize.tar.filetable import NO_HASH, Attributes, FileTable
from ocisize.text import decode_name, display_name
from ocisize.values import frozen


@frozen(eq=False)
class ImageFiles:
    """The stored files of some layers of an image, with what identifies their contents."""

    stored: FileColumns
    contents: list[bytes]  #: by row: the hash of its content; b"" if it was not read
    again: Mapping[tuple[bytes, int], int]  #: path and layer of a file that is stored again → lower layer that has it


def read_files(analysis: Analysis, layers: Collection[int], *, comparable: bool = True) -> ImageFiles:
    """The files of some layers, which must have file tables; of layers with the same blob the lowest pays.

    Without ``comparable``, contents count as not read: the two images were hashed with different functions.
    """
    tables = [(index, table) for index in sorted(layers) if (table := analysis.layers[index].files) is not None]
    paid = paid_layers(analysis.layers)
    known = all(table.compressed_sizes is not None for _, table in tables)
    indexes, paths, sizes = array("i"), list[bytes](), list[int]()
    contents, compressed = list[bytes](), list[int]()
    for index, table in tables:
        paths += compress(_clean_paths(table), table.sizes)
        contents += compress(_contents(table) if comparable else repeat(b""), table.sizes)
        shares = table.compressed_sizes or repeat(0)
        compressed += compress(shares if paid[index] else repeat(0), table.sizes)
        sizes += filter(None, table.sizes)
        indexes.extend(repeat(index, len(sizes) - len(indexes)))
    return ImageFiles(FileColumns(indexes, paths, sizes, compressed if known else None), contents, _stored_again(analysis))


def _stored_again(analysis: Analysis) -> dict[tuple[bytes, int], int]:
    waste, code = analysis.waste, CAUSES.index(Cause.METADATA_ONLY)
    rows = [row for row, cause in enumerate(waste.causes) if cause == code]
    return {(_clean_path(waste.paths[row]), waste.hidden_by[row]): waste.held_by[row] for row in rows}


def _clean_paths(table: FileTable) -> Iterable[bytes]:
    """The paths as a saved analysis has them: bytes that are not UTF-8 as escapes."""
    for _, paths in table.paths.pieces():
        yield from paths if _is_text(b"\0".join(paths)) else [_clean_path(decode_name(path)) for path in paths]


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _clean_path(path: str) -> bytes:
    return display_name(path).encode()


def _contents(table: FileTable) -> Iterable[bytes]:
    if not table.hashes:
        return repeat(b"")
    hashes: list[bytes] = list(chain.from_iterable(struct.iter_unpack(f"{HASH_SIZE}s", table.hashes)))
    return [value if value != NO_HASH else b"" for value in hashes] if NO_HASH in hashes else hashes


def same_entries(before: LayerAnalysis, after: LayerAnalysis) -> bool:
    """Return True if two layers have the same entries, apart from timestamps and order.

    Paths, contents, owners, modes, links and extended attributes are compared. Returns False if a table is missing, if a
    content was not read, or if contents were hashed with different functions.
    """
    old, new = before.files, after.files
    if old is None or new is None or old.hash_function != new.hash_function:
        return False
    if len(old) != len(new) or before.content_size != after.content_size:
        return False
    numbers: dict[Attributes, int] = {}
    columns_before, columns_after = _columns(old, numbers), _columns(new, numbers)
    if b"" in columns_before[0] or b"" in columns_after[0]:  # a content that was not read
        return False
    if columns_before == columns_after:
        return True
    return set(zip(*columns_before, strict=True)) == set(zip(*columns_after, strict=True))


def _columns(table: FileTable, numbers: dict[Attributes, int]) -> tuple[list[object], ...]:
    """Columns of all that is compared. Owners and modes are replaced by numbers, which hash faster."""
    contents = [content if size else None for size, content in zip(table.sizes, _contents(table), strict=False)]
    owners = [numbers.setdefault(attributes, len(numbers)) for attributes in table.attributes]
    links = {row: _clean_path(decode_name(link)) for row, link in table.links.items()}
    extended = {
        row: sorted((display_name(name), value) for name, value in xattrs.items()) for row, xattrs in table.xattrs.items()
    }
    rows = range(len(table))
    return (
        list(contents),
        list(_clean_paths(table)),
        list(table.kinds),
        list(table.sizes),
        list(map(owners.__getitem__, table.owners)),
        list(map(links.get, rows)),
        [tuple(extended.get(row, ())) for row in rows],
    )
