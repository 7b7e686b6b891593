"""What a container sees, as ncdu exports it: for ``ncdu -f`` and ``gdu -f``.

Form: https://dev.yorhel.nl/ncdu/jsonfmt, version 1.2. Apparent sizes are those of the files, disk sizes are rounded up to
blocks of 4 KiB. Names of one inode carry its number, so that ncdu counts it once; a name that was removed stays listed
while another one keeps its bytes. Names are UTF-8, with escapes for controls and for bytes that are none.
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
    """The visible entries but directories. Entries are numbered through all layers in order."""

    def __init__(self, layers: Sequence[tuple[FileTable, IntArray]]) -> None:
        self._layers = layers
        self._bases = list(accumulate((len(table) for table, _ in layers), initial=0))
        self._numbers: dict[bytes, int] = {}  # by path
        self._replaced: list[tuple[bytes, int]] = []  # what another entry of the same path took the name of
        self._inode_of: dict[int, int] = {}  # hard link → entry that holds its bytes
        for base, (table, hidden_by) in zip(self._bases, layers, strict=False):
            self._add(base, table, hidden_by)
        self._linked = set(self._inode_of.values())

    def _add(self, base: int, table: FileTable, hidden_by: IntArray) -> None:
        targets = {row: clean_name(link) for row, link in table.links.items() if table.kinds[row] == HARD_LINK}
        wanted, found = set(targets.values()), dict[bytes, int]()
        for row, (path, kind, hidden) in enumerate(zip(table.paths, table.kinds, hidden_by, strict=True)):
            number = base + row
            if row in targets:
                inode = found.get(targets[row], self._numbers.get(targets[row]))
                if inode is not None:
                    self._inode_of[number] = self._inode_of.get(inode, inode)
            if path in wanted:
                found[path] = number
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
        """What the export says of an entry beside its name."""
        inode = self._inode_of.get(number, number)
        layer = bisect_right(self._bases, inode) - 1
        (table, hidden_by), row = self._layers[layer], inode - self._bases[layer]
        size = table.sizes[row] if hidden_by[row] < 0 else 0
        text = "" if table.kinds[row] in (REGULAR, HARD_LINK) else ',"notreg":true'
        if size:
            text += f',"asize":{table.apparent_sizes.get(row, size)},"dsize":{size + -size % DISK_BLOCK}'
        return text + f',"ino":{inode + 1},"hlnkc":true' if inode in self._linked else text


def _is_no_entry(path: bytes) -> bool:
    """Whether a path is a whiteout marker, a file of AUFS or outside of the root."""
    return is_whiteout(path) or is_aufs(path) or path.startswith(b"../")


def _tree(view: _View) -> Iterator[str]:
    """The entries of the root and all directories that hold any, each as text that a comma begins."""
    at: list[bytes] = []
    for path, number in view.entries():
        *parents, name = path.split(b"/")
        if parents != at:
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(parents, at, strict=False)))
            yield "]" * (len(at) - shared)
            for parent in parents[shared:]:
                yield f",\n[{_name(decode_name(parent))}}}"
            at = parents
        yield f",\n{_name(decode_name(name))}{view.facts(number)}}}"
    yield "]" * len(at)


def _name(name: str) -> str:
    return f'{{"name":{json.dumps(printable(name), ensure_ascii=False)}'
