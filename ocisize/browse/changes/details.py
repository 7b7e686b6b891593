"""The details of a directory or file in which two images differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.browse.details import Detail
from ocisize.model.file_changes import FileChangeKind
from ocisize.report.words.steps import show_step
from ocisize.report.words.units import human_size
from ocisize.text import decode_name, printable, signed_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocisize.browse.changes.columns import ChangeColumns
    from ocisize.browse.changes.tree import ChangeNode, ChangeTree
    from ocisize.model.analysis import Analysis

_ABSENT = "-"  # a side that does not have a file
_WORDS = {
    FileChangeKind.ADDED: "only AFTER has the file",
    FileChangeKind.REMOVED: "only BEFORE has the file",
    FileChangeKind.CHANGED: "the contents differ",
    FileChangeKind.MOVED: "the same content at another path",
    FileChangeKind.STORED_AGAIN: "AFTER stores the file once more, to change owner, permissions or timestamps",
    FileChangeKind.STORED_ONCE: "BEFORE stores the file once more, to change owner, permissions or timestamps",
    FileChangeKind.NOT_COMPARED: "the sizes are equal, and a content was not read",
}


def describe_change(tree: ChangeTree, node: ChangeNode) -> list[Detail]:
    """The details of a row of both trees, the path first.

    >>> import ocisize
    >>> from ocisize.browse.changes.columns import ChangeColumns
    >>> from ocisize.browse.changes.tree import ChangeTree
    >>> names = "testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"
    >>> comparison = ocisize.compare(*[ocisize.analyze(name) for name in names])
    >>> tree = ChangeTree(ChangeColumns(comparison, comparison.files))
    >>> tree.open(0)
    >>> [(detail.label, detail.text) for detail in describe_change(tree, tree.node(1))][1:3]
    [('Status', 'added: only AFTER has the file'), ('Before', '-')]
    """
    columns = tree.columns
    return list(_describe_directory(tree, node) if node.is_directory else _describe_file(columns, node))


def _path_of(path: bytes) -> str:
    return f"/{printable(decode_name(path))}"


def _describe_directory(tree: ChangeTree, node: ChangeNode) -> Iterator[Detail]:
    sums, number = tree.sums, node.directory
    yield Detail("Path", f"{_path_of(node.path)}/", decode_name(node.path) if node.in_after else "")
    before, after = ((side.content[number], side.compressed[number]) for side in (sums.before, sums.after))
    yield from _describe_growth(tree.columns, before, after)
    label = "Files"
    for kind, counts in sums.kinds.items():
        if counts[number]:
            yield Detail(label, f"{counts[number]:,} {kind}")
            label = ""


def _describe_growth(columns: ChangeColumns, before: tuple[int, int], after: tuple[int, int]) -> Iterator[Detail]:
    sides = [(content, compressed if columns.download_known else None) for content, compressed in (before, after)]
    for label, (content, compressed) in zip(("Before", "After"), sides, strict=True):
        yield Detail(label, f"{human_size(content)}, download {human_size(compressed)}")
    growth = after[1] - before[1] if columns.download_known else None
    yield Detail("Growth", f"{signed_size(after[0] - before[0])}, download {signed_size(growth)}")


def _describe_file(columns: ChangeColumns, node: ChangeNode) -> Iterator[Detail]:
    changes, comparison = columns.changes, columns.comparison
    position = columns.positions[node.entry]
    kind = columns.kind(node.entry)
    old, new = changes.before_rows[position], changes.after_rows[position]
    yield Detail("Path", _path_of(node.path), decode_name(node.path) if node.in_after else "")
    yield Detail("Status", f"{kind}: {_WORDS[kind]}")
    if kind is FileChangeKind.MOVED:
        other = changes.after.paths[new] if node.in_before else changes.before.paths[old]
        path = decode_name(other) if node.in_before else ""
        yield Detail("Moved to" if node.in_before else "Moved from", _path_of(other), path)
    yield from _describe_side("Before", comparison.before, changes.before.layers[old] if old >= 0 else None)
    if old >= 0:
        yield Detail(
            "", f"{human_size(changes.before.sizes[old])}, download {human_size(changes.before.compressed_size(old))}"
        )
    yield from _describe_side("After", comparison.after, changes.after.layers[new] if new >= 0 else None)
    if new >= 0:
        yield Detail(
            "", f"{human_size(changes.after.sizes[new])}, download {human_size(changes.after.compressed_size(new))}"
        )
    sizes = [side.content[node.entry] for side in (columns.before, columns.after)]
    downloads = [side.compressed[node.entry] for side in (columns.before, columns.after)]
    growth = downloads[1] - downloads[0] if columns.download_known else None
    yield Detail("Growth", f"{signed_size(sizes[1] - sizes[0])} here, download {signed_size(growth)}")


def _describe_side(label: str, analysis: Analysis, layer: int | None) -> Iterator[Detail]:
    if layer is None:
        yield Detail(label, _ABSENT)
        return
    step = printable(show_step(analysis.layers[layer].build_step))
    yield Detail(label, f"layer {layer} {step or analysis.layers[layer].digest[:19]}")
