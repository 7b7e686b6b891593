"""The parts of a layer that change together: packages of language runtimes, and directories."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

from ocisize.patterns import lazy_pattern
from ocisize.tar.filetable import FileTable
from ocisize.text import decode_name
from ocisize.tuples import NamedTuple
from ocisize.updates.contents import row_identity

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


def divide_layers(tables: Sequence[FileTable], sizes: Sequence[int]) -> list[dict[str, Component]]:
    """Return the components of several versions of a layer, by name, the same names for the same places.

    Args:
        tables: the entries of each version.
        sizes: the bytes of the blob of each version, which the components share by their entries.

    """
    paths = {path for table in tables for path in table.paths}
    depth = _choose_depth(paths)
    names = {path: _name_component(path, depth) for path in paths}
    largest = _keep_largest(names, tables)
    return [
        _divide(table, size, {path: name if name in largest else _REST for path, name in names.items()})
        for table, size in zip(tables, sizes, strict=True)
    ]


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


def _keep_largest(names: dict[bytes, bytes], tables: Sequence[FileTable]) -> set[bytes]:
    """The components with most bytes, if there are too many."""
    sums = Counter[bytes]()
    for table in tables:
        weights = table.compressed_sizes if table.compressed_sizes is not None else table.sizes
        for path, weight in zip(table.paths, weights, strict=True):
            sums[names[path]] += weight
    return {name for name, _ in sums.most_common(MAX_COMPONENTS - 1)}


def _divide(table: FileTable, size: int, names: dict[bytes, bytes]) -> dict[str, Component]:
    entries: dict[bytes, list[bytes]] = {}
    weights = Counter[bytes]()
    shares = table.compressed_sizes if table.compressed_sizes is not None else table.sizes
    for row, path in enumerate(table.paths):
        name = names[path]
        entries.setdefault(name, []).append(row_identity(table, row, path))
        weights[name] += shares[row]
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
