"""The details of one entry: why it counts, who owns it, what it is, and where the same content is stored again."""

from __future__ import annotations

from stat import S_IFDIR, S_IFLNK, S_IFREG, filemode
from typing import TYPE_CHECKING

from ocisize.browse.scope import Mark
from ocisize.model.waste import CAUSES, Cause
from ocisize.report.words.download import human_download
from ocisize.report.words.steps import name_lines_of, show_step
from ocisize.report.words.units import UNKNOWN, human_size
from ocisize.tar.content_hash import HASH_SIZE
from ocisize.tar.filetable import DIRECTORY, HARD_LINK, KIND_NAMES, NO_HASH, REGULAR, SYMLINK
from ocisize.text import count_of, decode_name, printable
from ocisize.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocisize.browse.entries import Node
    from ocisize.browse.image_index import ImageIndex
    from ocisize.browse.owners import PackageOwners
    from ocisize.model.sizes import Sizes

_MAX_COPIES = 20  # stored copies, and identical files, that are named
_MAX_XATTRS = 8
_KINDS = {REGULAR: S_IFREG, SYMLINK: S_IFLNK, DIRECTORY: S_IFDIR, HARD_LINK: S_IFREG}
_MARKS = {
    Mark.UNCHANGED: "",
    Mark.ADDED: "added by this layer",
    Mark.CHANGED: "changed by this layer",
    Mark.REMOVED: "removed by this layer",
    Mark.GONE: "not visible in a container",
}
_CAUSES = {
    Cause.OVERWRITTEN: "replaced",
    Cause.METADATA_ONLY: "stored again with other metadata",
    Cause.DELETED: "deleted",
    Cause.OPAQUE: "hidden with its directory",
    Cause.DUPLICATE_ENTRY: "stored again in the same layer",
    Cause.UNREACHABLE: "never in a filesystem",
}


@frozen
class Detail:
    """A line of details; all texts are printable."""

    label: str  #: what the line is about; "" continues the line above
    text: str
    path: str = ""  #: the path that the line leads to, without a leading slash; "" if it leads to none


def describe_node(index: ImageIndex, node: Node, owners: PackageOwners | None = None) -> list[Detail]:
    """The details of an entry, the most important first; without ``owners`` no packages are named.

    >>> import ocisize
    >>> from ocisize.browse.image_index import ImageIndex
    >>> from ocisize.browse.tree import TreeView
    >>> index = ImageIndex(ocisize.analyze("testdata/example.tar"))
    >>> details = describe_node(index, TreeView(index).node(0))
    >>> details[0], details[1]
    (Detail(label='Path', text='/bin/', path=''), Detail(label='Unpacked', text='1.98 MB', path=''))
    """
    path = f"/{printable(decode_name(node.path))}{'/' * (node.is_directory and bool(node.path))}"
    head = [Detail("Path", path), *([Detail("State", _MARKS[node.mark])] if _MARKS[node.mark] else [])]
    if node.is_directory:
        return [*head, *_describe_figures(node), *_describe_directory(index, node, owners)]
    return [*head, *_describe_file(index, node, owners), *_describe_figures(node), *_describe_copies(index, node)]


def describe_layer(index: ImageIndex, number: int | None) -> list[Detail]:
    """The details of a layer; None: the image."""
    if number is None:
        analysis = index.analysis
        rows = [("Image", printable(analysis.reference or analysis.source)), ("Digest", analysis.digest or UNKNOWN)]
        return [Detail(label, text) for label, text in (*rows, *_list_sizes(analysis))]
    layer = index.layers[number]
    step = printable(show_step(layer.build_step)) or UNKNOWN
    rows = [("Layer", str(number)), ("Build step", step), ("Dockerfile", name_lines_of(layer)), *_list_sizes(layer)]
    rows += [("Hides", human_size(layer.hides_size)), ("Digest", layer.digest), ("diff_id", layer.diff_id or "")]
    if layer.failure is not None:
        rows.insert(1, ("Not read", printable(layer.failure.error)))
    return [Detail(label, text) for label, text in rows if text]


def _list_sizes(sizes: Sizes) -> list[tuple[str, str]]:
    return [
        ("Download", human_download(sizes)),
        ("Unpacked", human_size(sizes.content_size)),
        ("Live", human_size(sizes.live_size)),
        ("Waste", human_size(sizes.wasted_size)),
        ("Files", f"{sizes.file_count:,}"),
    ]


def _describe_figures(node: Node) -> Iterator[Detail]:
    group = node.group
    yield Detail("Unpacked", human_size(group.content_size))
    yield Detail("Download", human_size(group.compressed_size))
    yield Detail("Live", human_size(group.live_size))
    if group.wasted_size:
        download = group.wasted_compressed_size
        yield Detail("Waste", human_size(group.wasted_size) + (f", {human_size(download)} of download" if download else ""))
    if node.is_directory:
        yield Detail("Files", f"{group.file_count:,}")


def _describe_directory(index: ImageIndex, node: Node, owners: PackageOwners | None) -> Iterator[Detail]:
    own = index.find_own_rows(node.directory)
    for label, (layer, row) in zip(["Stored in", *[""] * _MAX_COPIES], own, strict=False):
        yield Detail(label, name_layer(index, layer))
        yield Detail("", _describe_attributes(index, layer, row))
    if owners is not None:
        largest, count = owners.largest_in(node.directory)
        for label, (name, size) in zip(["Packages", *[""] * len(largest)], largest, strict=False):
            yield Detail(label, f"{human_size(size)}  {name}")
        if count > len(largest):
            yield Detail("", f"and {count - len(largest):,} more")


def _describe_file(index: ImageIndex, node: Node, owners: PackageOwners | None) -> Iterator[Detail]:
    for label, (layer, row) in zip(["Stored in", *[""] * _MAX_COPIES], node.rows, strict=False):
        table = index.tables[layer]
        yield Detail(label, name_layer(index, layer))
        share = table.compressed_sizes[row] if table.compressed_sizes is not None else None
        size = f"{human_size(table.sizes[row])}, download {human_size(share)}, " if table.sizes[row] else ""
        yield Detail("", size + _describe_attributes(index, layer, row))
        yield from _describe_hiding(index, layer, row)
        if owners is not None and (owner := owners.name_owner(layer, row)):
            yield Detail("Owner", owner)
        if (target := table.links.get(row)) is not None:
            kind = "hard link to" if table.kinds[row] == HARD_LINK else "link to"
            yield Detail("", f"{kind} {printable(decode_name(target))}")
        for name, value in list(table.xattrs.get(row, {}).items())[:_MAX_XATTRS]:
            yield Detail("", f"{printable(name)}, {count_of(len(value), 'byte')}")
        if row in table.stored_sizes:
            yield Detail("", f"sparse: the tar stores {human_size(table.stored_sizes[row])}")
    if len(node.rows) > _MAX_COPIES:
        yield Detail("", f"and {len(node.rows) - _MAX_COPIES:,} more layers")


def _describe_hiding(index: ImageIndex, layer: int, row: int) -> Iterator[Detail]:
    hider = index.hidden_by[layer][row]
    if hider < 0:
        return
    causes = index.layers[layer].causes
    words = _CAUSES[CAUSES[causes[row]]] if causes else "hidden"
    yield Detail("Hidden by", f"{words}: {name_layer(index, hider)}")


def _describe_attributes(index: ImageIndex, layer: int, row: int) -> str:
    table = index.tables[layer]
    attributes = table.attributes[table.owners[row]]
    kind = table.kinds[row]
    mode = filemode(_KINDS.get(kind, S_IFREG) | attributes.mode)
    name = "" if kind in _KINDS else f" {KIND_NAMES[kind]}"
    return f"{mode} {attributes.uid}:{attributes.gid}{name}"


def _describe_copies(index: ImageIndex, node: Node) -> Iterator[Detail]:
    """The visible files elsewhere that have the same content."""
    if not node.rows:
        return
    layer, row = node.rows[-1]
    table = index.tables[layer]
    content_hash = table.hash_of(row)
    if content_hash == NO_HASH or not table.sizes[row]:
        return
    copies = [pair for pair in find_copies(index, content_hash) if pair not in node.rows]
    paths = list(dict.fromkeys(index.tables[other].paths[place] for other, place in copies))
    paths = [path for path in paths if path != node.path]
    for label, path in zip(["Same content", *[""] * _MAX_COPIES], paths[:_MAX_COPIES], strict=False):
        yield Detail(label, f"/{printable(decode_name(path))}", decode_name(path))
    if len(paths) > _MAX_COPIES:
        yield Detail("", f"and {len(paths) - _MAX_COPIES:,} more")


def find_copies(index: ImageIndex, content_hash: bytes) -> list[tuple[int, int]]:
    """Layer and row of the visible files with some content, base first; those whose content was not read are not found."""
    found = []
    for layer, table in enumerate(index.tables):
        place = table.hashes.find(content_hash)
        while place >= 0:
            row, rest = divmod(place, HASH_SIZE)
            if not rest and index.hidden_by[layer][row] < 0:
                found.append((layer, row))
            place = table.hashes.find(content_hash, place + 1)
    return found


def name_layer(index: ImageIndex, layer: int) -> str:
    """A layer with its lines in the Dockerfile and its build step."""
    of_layer = index.layers[layer]
    step = printable(show_step(of_layer.build_step)) or of_layer.digest[:19]
    return " ".join(filter(None, (f"layer {layer}", name_lines_of(of_layer), step)))
