"""The views of an image as JSON: versioned documents ``ocisize.files`` and ``ocisize.tree``.

They follow the rules of ``report.json.analysis``: sizes are integers of bytes, unknown ones null; ``version`` changes when a
field changes its meaning or is removed; names that are not UTF-8 are written with ``\\xNN`` escapes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ocisize.model.analysis import Analysis
from ocisize.model.sizes import Group
from ocisize.report.json.analysis import group_document
from ocisize.report.json.head import head_of_view
from ocisize.sizes.files import ListedFile, Listing, SortOrder
from ocisize.sizes.tree import TreeNode
from ocisize.text import display_name

FILES_SCHEMA, TREE_SCHEMA = "ocisize.files", "ocisize.tree"
VERSION = 1


def files_to_json(
    analysis: Analysis,
    listing: Listing,
    *,
    layer: int | None = None,
    order: SortOrder = SortOrder.SIZE,
    globs: Sequence[str] = (),
) -> str:
    """A list of files and its options; ``state`` is ``live`` or the cause of waste."""
    document = {
        **_head(FILES_SCHEMA, analysis, layer, order),
        "globs": list(globs),
        "file_count": listing.file_count,
        "content_size": listing.content_size,
        "compressed_size": listing.compressed_size,
        "files": [_file(file) for file in listing.files],
    }
    return json.dumps(document, indent=2)


def tree_to_json(
    analysis: Analysis,
    tree: TreeNode,
    *,
    layer: int | None = None,
    order: SortOrder = SortOrder.SIZE,
    depth: int | None = None,
) -> str:
    """A tree and its options; ``others`` of a node are the sizes of everything below that is in none of its children."""
    return json.dumps({**_head(TREE_SCHEMA, analysis, layer, order), "depth": depth, "tree": _node(tree)}, indent=2)


def _head(schema: str, analysis: Analysis, layer: int | None, order: SortOrder) -> dict[str, Any]:
    return {
        **head_of_view(schema, VERSION, analysis),
        "layer": layer,
        "sort": str(order),
    }


def _file(file: ListedFile) -> dict[str, Any]:
    return {
        "path": display_name(file.path),
        "size": file.size,
        "compressed_size": file.compressed_size,
        "layer": file.layer,
        "state": "live" if file.cause is None else str(file.cause),
        "hidden_by": file.hidden_by,
    }


def _node(node: TreeNode) -> dict[str, Any]:
    return {
        "path": display_name(node.group.name or ""),
        "kind": "dir" if node.is_directory else "file",
        **_figures(node.group),
        "children": [_node(child) for child in node.children],
        "others": None if node.others is None else _figures(node.others),
    }


def _figures(group: Group) -> dict[str, Any]:
    return {name: value for name, value in group_document(group).items() if name != "name"}
