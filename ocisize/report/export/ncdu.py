"""The filesystem that a container sees in the export format of ncdu, for ``ncdu -f`` and ``gdu -f``.

Format: https://dev.yorhel.nl/ncdu/jsonfmt, version 1.2. Apparent sizes are file sizes; disk sizes are multiples of
4 KiB. All names of an inode have its number, so that ncdu counts the inode once; a removed name is listed if another name
still shows its bytes. Names are UTF-8, with escapes for control characters and invalid bytes.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile
from typing import TextIO

import ocisize
from ocisize.filesystem.whiteout import is_aufs, is_whiteout
from ocisize.report.export.rows import stored_rows
from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject
from ocisize.report.words.findings import describe_image
from ocisize.sizes.layers import DISK_BLOCK
from ocisize.tar.filetable import DIRECTORY, HARD_LINK, REGULAR, FileTable, IntArray
from ocisize.tar.paths import clean_name
from ocisize.text import decode_name, printable


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write the merged filesystem; ReportError for an subject.analysis without file tables."""
    view = _View(stored_rows(subject.analysis))
    about = json.dumps({"progname": "ocisize", "progver": ocisize.__version__})
    gaps = "" if subject.analysis.complete else ',"read_error":true'
    file.write(f"[1,2,{about},\n[{_name(describe_image(subject.analysis))}{gaps}}}")
    file.writelines(_tree(view))
    file.write("]]\n")


class _View:
    """The visible entries without directories. Entries are numbered across all layers."""

    def __init__(self, layers: Sequence[tuple[FileTable, IntArray]]) -> None:
        self._layers = layers
        self._bases = list(accumulate((len(table) for table, _ in layers), initial=0))
        self._numbers: dict[bytes, int] = {}  # by path
        self._replaced: list[tuple[bytes, int]] = []  # entries whose path another entry has taken
        self._inode_of: dict[int, int] = {}  # hard link → entry that holds its bytes
        for base, (table, hidden_by) in zip(self._bases, layers, strict=False):
            self._add(base, table, hidden_by)
        self._linked = set(self._inode_of.values())

    def _add(self, base: int, table: FileTable, hidden_by: IntArray) -> None:
        targets = {row: clean_name(link) for row, link in table.links.items() if table.kinds[row] == HARD_LINK}
        wanted, known = set(targets.values()), dict[bytes, int]()
        for row, (path, kind, hidden) in enumerate(zip(table.paths, table.kinds, hidden_by, strict=True)):
            number = base + row
            if row in targets:
                inode = known.get(targets[row], self._numbers.get(targets[row]))
                if inode is not None:
                    self._inode_of[number] = self._inode_of.get(inode, inode)
            if path in wanted:
                known[path] = number
            if kind != DIRECTORY and hidden < 0 and (table.sizes[row] or not _is_no_entry(path)):
                if path in self._numbers:
                    self._replaced.append((path, self._numbers[path]))
                self._numbers[path] = number

    def entries(self) -> list[tuple[bytes, int]]:
        """Paths and numbers, directory by directory. Bytes that only a link through a symlink shows keep their old name."""
        shown = {self._inode_of.get(number, number) for number in self._numbers.values()}
        kept = [(path, number) for path, number in self._replaced if self._inode_of.get(number, number) not in shown]
        return sorted([*self._numbers.items(), *kept], key=lambda entry: entry[0].replace(b"/", b"\0"))

    def facts(self, number: int) -> str:
        """The fields of an entry beside its name, as JSON text."""
        inode = self._inode_of.get(number, number)
        layer = bisect_right(self._bases, inode) - 1
        (table, hidden_by), row = self._layers[layer], inode - self._bases[layer]
        size = table.sizes[row] if hidden_by[row] < 0 else 0
        text = "" if table.kinds[row] in (REGULAR, HARD_LINK) else ',"notreg":true'
        if size:
            text += f',"asize":{size},"dsize":{size + -size % DISK_BLOCK}'
        return text + f',"ino":{inode + 1},"hlnkc":true' if inode in self._linked else text


def _is_no_entry(path: bytes) -> bool:
    """Whether a path is a whiteout marker, a file of AUFS or outside of the root."""
    return is_whiteout(path) or is_aufs(path) or path.startswith(b"../")


def _tree(view: _View) -> Iterator[str]:
    """The entries, and all directories that have any, as JSON texts that begin with a comma."""
    current: list[bytes] = []
    for path, number in view.entries():
        *parents, name = path.split(b"/")
        if parents != current:
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(parents, current, strict=False)))
            yield "]" * (len(current) - shared)
            for parent in parents[shared:]:
                yield f",\n[{_name(decode_name(parent))}}}"
            current = parents
        yield f",\n{_name(decode_name(name))}{view.facts(number)}}}"
    yield "]" * len(current)


def _name(name: str) -> str:
    return f'{{"name":{json.dumps(printable(name), ensure_ascii=False)}'
