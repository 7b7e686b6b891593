"""The lines above the panes: what the image, the scope and the search are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.browse.details import name_layer
from ocisize.report.words.download import human_download
from ocisize.report.words.units import human_size
from ocisize.text import count_of

if TYPE_CHECKING:
    from ocisize.browse.marked import MarkedPaths
    from ocisize.browse.search import Search
    from ocisize.browse.tree import TreeView
    from ocisize.model.analysis import Analysis


def describe_image(analysis: Analysis, marked: MarkedPaths) -> str:
    """How much is marked, the figures of an image, and its platform."""
    parts = [
        f"{human_download(analysis)} download",
        f"{human_size(analysis.content_size)} unpacked",
        f"{human_size(analysis.wasted_size)} waste",
    ]
    if marked:
        parts.insert(0, f"{len(marked):,} marked, {human_size(marked.content_size)}")
    if not analysis.complete:
        parts.append(f"{count_of(len(analysis.unread), 'layer')} not read")
    return " · ".join([*parts, analysis.platform])


def describe_scope(tree: TreeView) -> str:
    """The layer that the tree shows, and its figures."""
    scope, total = tree.scope, tree.total
    if scope.layer is None:
        return "image"
    name = f"layer {scope.layer} alone" if scope.alone else f"image up to layer {scope.layer}"
    figures = f"{human_size(total.content_size)}, {human_size(total.wasted_size)} waste"
    return f"{name}: {figures} · {name_layer(tree.index, scope.layer).partition(' ')[2].partition(' ')[2]}"


def describe_found(search: Search) -> str:
    """How much a search has found so far."""
    more = "more than " if search.cut else ""
    return f"{more}{count_of(len(search.found.order), 'result')}{'' if search.complete else ' …'}"
