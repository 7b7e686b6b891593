"""Where a path of the image is in the build context, as far as the COPY instructions of the history say."""

from __future__ import annotations

import fnmatch
import posixpath
from typing import TYPE_CHECKING

from ocisize.dockerfile.copy_source import CopyInstruction, parse_copy
from ocisize.model.build_step import StepKind
from ocisize.plan.context_paths import has_wildcard
from ocisize.text import decode_name, printable
from ocisize.values import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocisize.browse.entries import Node
    from ocisize.browse.image_index import ImageIndex

_NO_COPY = "no COPY brings it"
_SOURCES_SHOWN = 4


@frozen(kw_only=True)
class ContextPlaces:
    """The paths of an entry in the build context."""

    paths: Sequence[str] = ()  #: without leading slashes; one for each COPY that brings it from a certain place
    reason: str = _NO_COPY  #: why there is none


def find_context_places(index: ImageIndex, node: Node) -> ContextPlaces:
    """The places that the COPY of each layer with an entry names, without those that are not certain.

    >>> import ocisize
    >>> from ocisize.browse.image_index import ImageIndex
    >>> from ocisize.browse.tree import TreeView
    >>> index = ImageIndex(ocisize.analyze("testdata/example.tar"))
    >>> tree = TreeView(index)
    >>> find_context_places(index, tree.node(tree.reveal(b"app/mime.types"))).paths
    ('mime.types',)
    """
    layers = index.find_layers(node.directory) if node.is_directory else sorted({layer for layer, _ in node.rows})
    found = [_find_in_layer(index, node, layer) for layer in layers]
    reasons = [places.reason for places in found if places.reason != _NO_COPY]
    paths = dict.fromkeys(path for places in found for path in places.paths)
    return ContextPlaces(paths=tuple(paths), reason=reasons[0] if reasons else _NO_COPY)


def _find_in_layer(index: ImageIndex, node: Node, layer: int) -> ContextPlaces:
    step = index.layers[layer].build_step
    copy = parse_copy(step.text) if step.kind in (StepKind.COPY, StepKind.ADD) else None
    if copy is None:
        return ContextPlaces()
    target = posixpath.normpath(posixpath.join(_working_directory(index, layer), copy.destination))
    if problem := _find_problem(copy, target):
        return ContextPlaces(reason=problem)
    target = target.strip("/")
    sources = [posixpath.normpath(source).lstrip("/") or "." for source in copy.sources]
    files = [source for source in sources if _brings_file(index, layer, target, source)]
    return _map(decode_name(node.path), target, sources, files, is_directory=node.is_directory)


def _find_problem(copy: CopyInstruction, target: str) -> str:
    """Why no path can be mapped; "" if nothing is in the way."""
    problems = {
        f"{copy.keyword} brings it from {copy.from_stage}, not from the build context": copy.from_stage,
        f"the history does not name the sources of the {copy.keyword}": not copy.sources,
        "an ADD may unpack it from an archive": copy.may_unpack,
        f"the {copy.keyword} has variables": "$" in "".join((target, *copy.sources)),
        "an ADD downloads it": any("://" in source for source in copy.sources),
        f"the {copy.keyword} depends on a working directory that is not known": not target.startswith("/"),
    }
    return next((problem for problem, applies in problems.items() if applies), "")


def _brings_file(index: ImageIndex, layer: int, target: str, source: str) -> bool:
    """Whether a source is a file: then the layer stores one of its name in the destination, or as the destination."""
    name = posixpath.basename(source)
    if has_wildcard(name):
        return bool(name.strip("*"))  # `*` alone also brings what is in directories
    paths = (posixpath.join(target, name), target)
    return any(stored == layer for path in paths for stored, _ in index.find_rows(path.encode("utf-8", "surrogateescape")))


def _map(name: str, target: str, sources: Sequence[str], files: Sequence[str], *, is_directory: bool) -> ContextPlaces:
    """The place of a path, from the sources; ``files`` are those of them that are files."""
    if name == target:
        is_certain = not any(source == "." or has_wildcard(source) for source in sources)
        return ContextPlaces(
            paths=tuple(sources) if is_certain else (), reason=f"it is all that the COPY brings: {_show(sources)}"
        )
    prefix = f"{target}/" if target else ""
    if not name.startswith(prefix):
        return ContextPlaces()
    relative = name.removeprefix(prefix)
    folders = [source for source in sources if source not in files]
    named = [source for source in files if fnmatch.fnmatchcase(relative, posixpath.basename(source))]
    if named and not is_directory and "/" not in relative:
        paths = [posixpath.join(posixpath.dirname(source), relative) for source in named]
        return _choose(paths, named, [posixpath.dirname(source) for source in named])
    return _choose([posixpath.normpath(posixpath.join(folder, relative)) for folder in folders], folders, folders)


def _choose(paths: Sequence[str], sources: Sequence[str], folders: Sequence[str]) -> ContextPlaces:
    """The path if there is one source that may bring it, and no wildcard in the names of its directories."""
    if len(paths) == 1 and not any(map(has_wildcard, folders)):
        return ContextPlaces(paths=tuple(paths))
    what = "a wildcard" if len(paths) == 1 else "several sources"
    return ContextPlaces(reason=f"{what} of the COPY may bring it: {_show(sources)}") if paths else ContextPlaces()


def _show(sources: Sequence[str]) -> str:
    more = f" and {len(sources) - _SOURCES_SHOWN} more" if len(sources) > _SOURCES_SHOWN else ""
    return printable(", ".join(sources[:_SOURCES_SHOWN])) + more


def _working_directory(index: ImageIndex, layer: int) -> str:
    """The directory that relative destinations begin at, as far as steps with layers tell; "" if they do not."""
    for lower in range(layer - 1, -1, -1):
        step = index.layers[lower].build_step
        if step.keyword == "WORKDIR" and step.arguments.startswith("/"):
            return step.arguments.strip()
    return ""
