r"""Reading of the patches that ``patch.make_patch`` writes: the files they change, and the lines they add and remove."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ocisize.dockerfile.unified_diff import describe_file
from ocisize.tuples import NamedTuple

_HUNK = re.compile(r"@@ -(\d+),(\d+) \+\d+,(\d+) @@")
_BEGIN, _NEW, _AFTER = "diff --git ", "new file mode ", "+++ "
_ESCAPE = re.compile(r"\\(?:([0-7]{3})|(.))")
_UNESCAPED = {"t": "\t", "n": "\n", "r": "\r"}


class LineChange(NamedTuple):
    """New lines in place of old ones; all have their line ends."""

    start: int  #: number of lines in front of it
    old: Sequence[str]
    new: Sequence[str]


class FileDiff(NamedTuple):
    """The diff of one file."""

    name: str  #: as the patch has it, without ``b/``
    is_new: bool  #: True if the patch makes the file
    hunks: list[str]  #: lines without their line ends

    def changes(self) -> Iterator[LineChange]:
        """The lines that are added and removed, in order."""
        position, old, new, last = 0, list[str](), list[str](), list[str]()
        for line in self.hunks:
            mark, text = line[:1], f"{line[1:]}\n"
            if mark == "\\":  # the line above has no line end
                last[-1:] = [text.removesuffix("\n") for text in last[-1:]]
                continue
            if (old or new) and not (mark == "+" or (mark == "-" and not new)):
                yield LineChange(position - len(old), old, new)
                old, new = [], []
            if mark == "@":
                match = _HUNK.match(line)
                start, count = (int(match[1]), int(match[2])) if match else (0, 0)
                position = start - 1 if count else start
                continue
            last = {"-": old, "+": new}.get(mark, [text])
            if mark in ("-", "+"):
                last.append(text)
            position += mark != "+"
        if old or new:
            yield LineChange(position - len(old), old, new)


def read_patch(patch: str) -> tuple[str, list[FileDiff]]:
    r"""Return the comments in front of a patch, and the diffs of its files.

    >>> from ocisize.dockerfile.patch import make_patch
    >>> patch = make_patch("Dockerfile", "FROM x\nRUN a\n", [(2, 2, "RUN b")], ".dockerignore", None, ["a"], ["why"])
    >>> comments, files = read_patch(patch)
    >>> comments, [(file.name, file.is_new) for file in files]
    ('# why\n', [('Dockerfile', False), ('.dockerignore', True)])
    >>> list(files[0].changes())
    [LineChange(start=1, old=['RUN a\n'], new=['RUN b\n'])]
    """
    comments: list[str] = []
    files: list[FileDiff] = []
    lines = iter(patch.removesuffix("\n").split("\n") if patch else ())
    for line in lines:
        if line.startswith(_BEGIN):
            files.append(FileDiff("", False, []))
        elif not files:
            comments.append(f"{line}\n")
        elif line.startswith(_NEW):
            files[-1] = files[-1]._replace(is_new=True)
        elif line.startswith(_AFTER):
            files[-1] = files[-1]._replace(name=_unquote(line.removeprefix(_AFTER)).removeprefix("b/"))
        elif (match := _HUNK.match(line)) or line.startswith("\\"):
            files[-1].hunks.extend((line, *_take(lines, match)))
    return "".join(comments), files


def _take(lines: Iterator[str], hunk: re.Match[str] | None) -> Iterator[str]:
    """The lines of a hunk, as many as its first line says."""
    left = [int(hunk[2]), int(hunk[3])] if hunk else [0, 0]
    while any(left) and (line := next(lines, None)) is not None:
        left[0] -= line[:1] in (" ", "-")
        left[1] -= line[:1] in (" ", "+")
        yield line


def _unquote(name: str) -> str:
    if not name.startswith('"'):
        return name.removesuffix("\t")
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 8)) if match[1] else _UNESCAPED.get(match[2], match[2]), name[1:-1])
    return text.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def rename_files(patch: str, rename: Callable[[str], str]) -> str:
    r"""Return a patch of the same files under other names.

    >>> patch = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n-x\n+y\n"
    >>> print(rename_files(patch, "sub/{}".format), end="")
    diff --git a/sub/a b/sub/a
    --- a/sub/a
    +++ b/sub/a
    @@ -1,1 +1,1 @@
    -x
    +y
    """
    comments, files = read_patch(patch)
    parts = [[describe_file(rename(file.name), is_new=file.is_new), *(f"{line}\n" for line in file.hunks)] for file in files]
    return "".join([comments, *(line for part in parts for line in part)])
