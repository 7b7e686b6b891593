"""Work in threads: reading the image, the figures of scopes, and searches, so that keys are never kept waiting.

Threads are daemons: a program that leaves its screen does not wait for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ocisize.browse.changes.columns import ChangeColumns
from ocisize.browse.changes.tree import ChangeTree
from ocisize.browse.courtesy import COURTESY
from ocisize.browse.image_index import ImageIndex
from ocisize.browse.owners import PackageOwners
from ocisize.browse.panels import Panel, list_panels
from ocisize.browse.tree import TreeView
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.browse.entries import Order
    from ocisize.browse.search import Search
    from ocisize.dockerfile.parse import Instruction
    from ocisize.model.analysis import Analysis
    from ocisize.model.comparison import Comparison


class Loaded(NamedTuple):
    """An image that was read."""

    analysis: Analysis
    lines: Sequence[Instruction | None] = ()  #: by layer, the instruction of the Dockerfile; empty without one
    comparison: Comparison | None = None  #: with another image; None without one


Read = Callable[[Callable[[str], None]], Loaded]  #: reads an image, and says in words how far it is


class Stopped(Exception):
    """The user left before the image was read."""


class Opening:
    """Reads an image in a thread, and calls back with each part that is ready; callbacks are called from the thread."""

    def __init__(
        self,
        read: Read,
        *,
        on_progress: Callable[[str], None],
        on_tree: Callable[[Loaded, TreeView], None],
        on_panels: Callable[[Sequence[Panel], ChangeTree | None], None],
        on_owners: Callable[[PackageOwners], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._read = read
        self._on_progress, self._on_tree, self._on_panels = on_progress, on_tree, on_panels
        self._on_owners, self._on_error = on_owners, on_error
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ocisize-browse", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Stop reading, and wait for the end for so long at most."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _report(self, text: str) -> None:
        if self._stopped.is_set():
            raise Stopped
        self._on_progress(text)

    def _run(self) -> None:
        try:
            loaded = self._read(self._report)
            if self._stopped.is_set():
                return
            with COURTESY.work():
                self._show(loaded)
        except BaseException as error:
            if not self._stopped.is_set():
                self._on_error(error)

    def _show(self, loaded: Loaded) -> None:
        """Make the parts of the screen, and call back with each."""
        COURTESY.keep_objects()
        index = ImageIndex(loaded.analysis)
        self._on_tree(loaded, TreeView(index))
        self._on_panels(list_panels(index, loaded.comparison), _make_changes(loaded.comparison))
        if loaded.analysis.packages is not None and not self._stopped.is_set():
            self._on_owners(PackageOwners.find(index))
        COURTESY.keep_objects()


def _make_changes(comparison: Comparison | None) -> ChangeTree | None:
    """Two trees of what differs; None without another image, and if the files of one image are not known."""
    if comparison is None or comparison.files is None:
        return None
    return ChangeTree(ChangeColumns(comparison, comparison.files))


class Finder:
    """Carries out a search in a thread, and calls back from it when there are more results."""

    def __init__(self, search: Search, order: Callable[[], Order], on_found: Callable[[], None]) -> None:
        self.search = search
        self._order, self._on_found = order, on_found
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ocisize-search", daemon=True)

    def start(self) -> None:
        """Begin to search."""
        self._thread.start()

    def stop(self) -> None:
        """End the search; it may take the time of a piece."""
        self._stopped.set()

    def _run(self) -> None:
        count = 0
        with COURTESY.work():
            for found in self.search.steps():
                if self._stopped.is_set():
                    return
                if found != count:
                    count = found
                    self._on_found()
            self.search.found.sort(self._order())
        if not self._stopped.is_set():
            self._on_found()
