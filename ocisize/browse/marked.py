"""MarkedPaths: the paths that a user marks, and the forms in which they leave the screen."""

from __future__ import annotations

import enum
import json
import re
from typing import TYPE_CHECKING

from ocisize.browse.context_paths import find_context_places
from ocisize.text import decode_name, display_name, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ocisize.browse.entries import Node
    from ocisize.browse.image_index import ImageIndex

_IN_GLOB = re.compile(r"[*?\[]|[\ud800-\udfff]")
_IN_IGNORE = re.compile(r"[*?\[\\!#]")


class ExportForm(str, enum.Enum):
    """How marked paths are written."""

    DOCKERIGNORE = "dockerignore"  #: lines for a .dockerignore file
    BUDGETS = "budgets"  #: ``forbid`` globs for ``ocisize.toml``
    JSON = "json"  #: paths with their sizes

    def __str__(self) -> str:
        return self.value


class MarkedPaths:
    """A set of paths in the order in which they were marked, each with its figures.

    >>> import ocisize
    >>> from ocisize.browse.image_index import ImageIndex
    >>> from ocisize.browse.tree import TreeView
    >>> tree = TreeView(ImageIndex(ocisize.analyze("testdata/example.tar")))
    >>> marked = MarkedPaths()
    >>> marked.toggle(tree.node(0)), b"bin" in marked
    (True, True)
    >>> print(marked.to_budgets(), end="")
    forbid = [
      "/bin",
    ]
    """

    def __init__(self) -> None:
        self._nodes: dict[bytes, Node] = {}

    def __contains__(self, path: bytes) -> bool:
        return path in self._nodes

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def content_size(self) -> int:
        """Bytes of content of the marked paths; what is below a marked directory counts once."""
        return sum(node.group.content_size for path, node in self._nodes.items() if not self._is_inside(path))

    def _is_inside(self, path: bytes) -> bool:
        names = path.split(b"/")
        return any(b"/".join(names[:depth]) in self._nodes for depth in range(1, len(names)))

    def toggle(self, node: Node) -> bool:
        """Mark a node, or take its mark away; returns whether it is marked now."""
        if node.path in self._nodes:
            del self._nodes[node.path]
            return False
        self._nodes[node.path] = node
        return True

    def clear(self) -> None:
        """Take all marks away."""
        self._nodes.clear()

    def export(self, form: ExportForm, index: ImageIndex) -> str:
        """The marked paths as text that ends with a line break."""
        if form is ExportForm.JSON:
            return self.to_json()
        return self.to_budgets() if form is ExportForm.BUDGETS else self.to_dockerignore(index)

    def to_budgets(self) -> str:
        """A ``forbid`` budget with a glob for each path, as docs/budgets.md describes it."""
        globs = [f"  {json.dumps(_glob_of(path), ensure_ascii=False)},\n" for path in self._nodes]
        return f"forbid = [\n{''.join(globs)}]\n"

    def to_json(self) -> str:
        """A list of paths with the figures that they had when they were marked."""
        rows = [
            {
                "path": display_name(decode_name(path)),
                "directory": node.is_directory,
                "content_size": node.group.content_size,
                "wasted_size": node.group.wasted_size,
                "compressed_size": node.group.compressed_size,
                "file_count": node.group.file_count,
            }
            for path, node in self._nodes.items()
        ]
        return json.dumps(rows, indent=2) + "\n"

    def to_dockerignore(self, index: ImageIndex) -> str:
        """A pattern for each path that a COPY brought from the build context, and a comment for each other path.

        A pattern names a path of the build context, which only the COPY tells. The comment says why there is no pattern.
        """
        lines = []
        for path, node in self._nodes.items():
            places = find_context_places(index, node)
            patterns = [_IN_IGNORE.sub(r"\\\g<0>", printable(place)) for place in places.paths]
            lines += patterns or [f"# /{printable(decode_name(path))}: {places.reason}"]
        return "".join(f"{line}\n" for line in lines)


def _glob_of(path: bytes) -> str:
    """The glob that matches one path; a byte that is not UTF-8 counts as one character."""
    special: Mapping[str, str] = {"*": "[*]", "?": "[?]", "[": "[[]"}
    return "/" + _IN_GLOB.sub(lambda match: special.get(match[0], "?"), decode_name(path))
