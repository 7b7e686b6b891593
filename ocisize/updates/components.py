"""The parts of a layer that change together: packages, and directories of files that no package owns."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ocisize.patterns import lazy_pattern
from ocisize.tar.filetable import FileTable
from ocisize.text import decode_name
from ocisize.tuples import NamedTuple
from ocisize.updates.contents import LayerContents, row_identity

MAX_COMPONENTS = 128  #: of a layer; directories are taken at the depth that gives at most so many
_MAX_DEPTH = 6
_PACKAGE = lazy_pattern(
    rb"(?P<place>(?:.*/)?(?:node_modules|(?:site|dist)-packages|gems|vendor/bundle))/(?P<name>@[^/]+/[^/]+|[^/]+)"
)
_VERSION_BEHIND = lazy_pattern(rb"-[0-9][^/]*\Z")  # of directories with metadata: ``flask-3.0.dist-info``
_NUMBERS = lazy_pattern(rb"[0-9][0-9.]*")  # in directories whose names have versions: ``python3.11``


class Component(NamedTuple):
    """A part of a layer in one release."""

    identity: bytes  #: equal for equal multisets of entries
    size: int  #: bytes of download


def divide_layers(versions: Sequence[LayerContents], sizes: Sequence[int]) -> list[dict[str, Component]]:
    """Return the components of several versions of a layer, by name, the same names for the same places.

    Args:
        versions: the entries of each version, with the packages that own them.
        sizes: the bytes of the blob of each version, which the components share by their entries.

    """
    paths = {path for version in versions for path, owner in _list_rows(version) if owner is None}
    depth = _choose_depth(paths)
    places = {path: _name_component(path, depth) for path in paths}
    named = [
        [places[path] if owner is None else owner.encode("utf-8", "surrogateescape") for path, owner in _list_rows(version)]
        for version in versions
    ]
    tables = [version.table for version in versions]
    largest = _keep_largest(named, tables)
    return [
        _divide(table, size, [name if name in largest else _REST for name in names])
        for table, size, names in zip(tables, sizes, named, strict=True)
    ]


def _list_rows(contents: LayerContents) -> Iterator[tuple[bytes, str | None]]:
    """The path of each entry, and the package that owns it."""
    owners = contents.owners if contents.owners is not None else itertools.repeat(None, len(contents.table))
    return zip(contents.table.paths, owners, strict=True)


_REST = b"other files"


def _choose_depth(paths: Iterable[bytes]) -> int:
    """The number of directories in the names of components: the largest one that gives few components."""
    paths = list(paths)
    for depth in range(_MAX_DEPTH, 1, -1):
        if len({_name_component(path, depth) for path in paths}) <= MAX_COMPONENTS:
            return depth
    return 1


def _name_component(path: bytes, depth: int) -> bytes:
    """The package that a path belongs to by its place, or the directory at a depth."""
    if match := _PACKAGE.match(path):
        name = _VERSION_BEHIND.sub(b"", match["name"]) or match["name"]
        return match["place"] + b"/" + name.lower().replace(b"_", b"-")
    folders = path.strip(b"/").split(b"/")
    return b"/".join(folders[:-1][:depth]) or folders[0]


def _keep_largest(named: Sequence[Sequence[bytes]], tables: Sequence[FileTable]) -> set[bytes]:
    """The components with most bytes, if there are too many."""
    sums = Counter[bytes]()
    for names, table in zip(named, tables, strict=True):
        for name, weight in zip(names, _weigh(table), strict=True):
            sums[name] += weight
    return {name for name, _ in sums.most_common(MAX_COMPONENTS - 1)}


def _weigh(table: FileTable) -> Sequence[int]:
    """By row: the bytes that the blob is shared by."""
    return table.sizes if table.compressed_sizes is None else table.compressed_sizes


def _divide(table: FileTable, size: int, names: Sequence[bytes]) -> dict[str, Component]:
    entries: dict[bytes, list[bytes]] = {}
    weights = Counter[bytes]()
    for row, (path, name, share) in enumerate(zip(table.paths, names, _weigh(table), strict=True)):
        entries.setdefault(name, []).append(row_identity(table, row, path))
        weights[name] += share
    scaled = _scale({name: weights[name] for name in entries}, size)
    return {
        decode_name(name): Component(hashlib.sha256(b"\0".join(sorted(texts))).digest(), scaled[name])
        for name, texts in entries.items()
    }


def _scale(weights: dict[bytes, int], size: int) -> dict[bytes, int]:
    """Whole bytes in proportion to weights that add up to ``size``."""
    total = sum(weights.values())
    if not total:
        return {name: size * (number == 0) for number, name in enumerate(weights)}
    scaled, left, rest = dict[bytes, int](), size, total
    for name, weight in weights.items():
        scaled[name] = left * weight // rest if rest else 0
        left, rest = left - scaled[name], rest - weight
    return scaled
