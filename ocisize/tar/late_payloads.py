"""LatePayloads: keeps payloads of files that any part of their path can tell, for many entries at once."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Container, MutableMapping
from itertools import accumulate

from ocisize.excerpts.collect import JAR_END, Excerpts
from ocisize.tar.filetable import REGULAR
from ocisize.tar.paths import clean_name
from ocisize.tar.table_builder import FIELDS_PER_ROW, TableBuilder
from ocisize.tar.window import Window


class _AllNames(Container[bytes]):
    def __contains__(self, _: object) -> bool:
        return True


ALL_NAMES = _AllNames()  #: contains the beginnings of all names


class LatePayloads:
    """Payloads that are still in the window when its bytes are about to go, which is the last moment to keep them.

    Small jars are read for their excerpts likewise. A look at each name would slow the scan by a tenth. A search in the
    joined names of a whole window takes a hundredth of the time, for each of ``path_parts``.

    >>> import io
    >>> builder, window, contents = TableBuilder(has_hashes=False), Window(io.BytesIO(b"header..{}"), 10), {}
    >>> late = LatePayloads(builder, window, contents, lambda path, size: True, (b"package.json",))
    >>> window.fill(10)
    10
    >>> builder.new_fields += b"./app/package.json" + bytes(82), REGULAR, 2, 8 + 512, 0, b""
    >>> late.keep()
    >>> contents
    {0: b'{}'}
    """

    def __init__(
        self,
        builder: TableBuilder,
        window: Window,
        contents: MutableMapping[int, bytes],
        wanted: Callable[[bytes, int], bool] | None,
        path_parts: tuple[bytes, ...],
        excerpts: Excerpts | None = None,
    ) -> None:
        self._builder, self._window, self._contents, self._wanted = builder, window, contents, wanted
        self._path_parts, self._excerpts = path_parts, excerpts
        parts = path_parts if excerpts is None else (*path_parts, JAR_END)
        self._searches = [re.compile(re.escape(part)).finditer for part in parts]  # half the time of find() for rare bytes
        self._next_row = 0

    def keep(self) -> None:
        """Look at the entries since the last call; call it before rows are flushed and before the window moves."""
        flushed = len(self._builder.sizes)
        self._builder.strip_names()
        names = self._builder.new_fields[(self._next_row - flushed) * FIELDS_PER_ROW :: FIELDS_PER_ROW]
        if not names:
            return
        joined = b"\0".join(names)
        places = [match.start() for search in self._searches for match in search(joined)]
        if places:
            starts = list(accumulate([len(name) + 1 for name in names], initial=0))
            for index in sorted({bisect_right(starts, place) - 1 for place in places}):
                self._keep_row(self._next_row + index, self._next_row + index - flushed)
        self._next_row += len(names)

    def wants_now(self, row: int, name: bytes, size: int, *, always: bool) -> bool:
        """Whether to keep the payload of the next row, which is about to be read and is not looked at again.

        ``always`` asks about it whatever its path is.
        """
        self.keep()  # so that the files are asked about in the order of the entries
        self._next_row = row + 1
        path = clean_name(name)
        return self._wanted is not None and (always or self._matches(path)) and self._wanted(path, size)

    def _keep_row(self, row: int, index: int) -> None:
        window, first = self._window, index * FIELDS_PER_ROW
        name, kind, size, end = self._builder.new_fields[first : first + 4]
        start = end - size - (-size & 511) - window.base
        in_window = 0 <= start <= start + size <= window.end  # others were asked about when they were read
        if not in_window or kind != REGULAR or row in self._contents:
            return
        path = clean_name(name)
        if self._wanted is not None and self._matches(path) and self._wanted(path, size):
            self._contents[row] = bytes(window.view[start : start + size])
        elif self._excerpts is not None and path.endswith(JAR_END) and (reader := self._excerpts.open(path, size, 0)):
            reader.feed(window.view[start : start + size])
            self._excerpts.keep(row, reader)

    def _matches(self, path: bytes) -> bool:
        return any(part in path for part in self._path_parts)
