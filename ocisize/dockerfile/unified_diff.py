"""Unified diffs that ``git apply`` takes. Format: https://git-scm.com/docs/git-diff#generate_patch_text_with_p."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from ocisize.tuples import NamedTuple

_CONTEXT = 3  # lines in front of and behind each change
_MAX_COMPARED = 250_000  # pairs of lines of one edit; beyond them all lines are replaced
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_NO_NEWLINE = "\\ No newline at end of file\n"


class Edit(NamedTuple):
    """New lines in place of the lines from ``start`` up to ``end``, counted from 0; lines have their line ends."""

    start: int
    end: int
    lines: Sequence[str]


def make_diff(name: str, before: Sequence[str] | None, edits: Sequence[Edit]) -> str:
    r"""Return the diff of one file; "" if nothing changes.

    ``before`` has the lines of the file with their line ends; None for a new file. ``edits`` are in order.

    >>> print(make_diff("a", ["x\n", "y"], [Edit(1, 2, ["z\n"])]), end="")
    diff --git a/a b/a
    --- a/a
    +++ b/a
    @@ -1,2 +1,2 @@
     x
    -y
    \ No newline at end of file
    +z
    """
    hunks = "".join(_hunks(before or (), [small for edit in edits for small in _narrow(before or (), edit)]))
    if not hunks:
        return ""
    return f"{describe_file(name, is_new=before is None)}{hunks}"


def describe_file(name: str, *, is_new: bool) -> str:
    """Return the lines in front of the hunks of a file."""
    old, new = _quote(f"a/{name}"), _quote(f"b/{name}")
    tab = "\t" if " " in name and not old.startswith('"') else ""  # ends a name with blanks
    if is_new:
        return f"diff --git {old} {new}\nnew file mode 100644\n--- /dev/null\n+++ {new}{tab}\n"
    return f"diff --git {old} {new}\n--- {old}{tab}\n+++ {new}{tab}\n"


def _quote(name: str) -> str:
    """A name as git writes it: in C's escapes if it has a quote, a backslash, a control character or non-ASCII bytes."""
    if name.isascii() and name.isprintable() and not set('"\\') & set(name):
        return name
    quoted = ""
    for byte in name.encode("utf-8", "surrogateescape"):
        character = chr(byte)
        quoted += _ESCAPES.get(character) or (character if " " <= character <= "~" else f"\\{byte:03o}")
    return f'"{quoted}"'


def _narrow(before: Sequence[str], edit: Edit) -> Iterator[Edit]:
    """The parts of an edit that change lines."""
    old = before[edit.start : edit.end]
    if len(old) * len(edit.lines) > _MAX_COMPARED:
        yield edit
        return
    for kind, first, last, first_new, last_new in SequenceMatcher(None, old, edit.lines, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Edit(edit.start + first, edit.start + last, edit.lines[first_new:last_new])


def _hunks(before: Sequence[str], edits: Sequence[Edit]) -> Iterator[str]:
    shift = index = 0
    while index < len(edits):
        group = [edits[index]]
        index += 1
        while index < len(edits) and edits[index].start - group[-1].end <= 2 * _CONTEXT:
            group.append(edits[index])
            index += 1
        start, end = max(group[0].start - _CONTEXT, 0), min(group[-1].end + _CONTEXT, len(before))
        added = sum(len(edit.lines) - (edit.end - edit.start) for edit in group)
        old, new = end - start, end - start + added
        yield f"@@ -{_range(start, old)} +{_range(start + shift, new)} @@\n"
        yield from _lines(before, group, start, end)
        shift += added


def _range(start: int, count: int) -> str:
    return f"{start + 1 if count else start},{count}"


def _lines(before: Sequence[str], edits: Iterable[Edit], start: int, end: int) -> Iterator[str]:
    for edit in edits:
        yield from _marked(" ", before[start : edit.start])
        yield from _marked("-", before[edit.start : edit.end])
        yield from _marked("+", edit.lines)
        start = edit.end
    yield from _marked(" ", before[start:end])


def _marked(mark: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n{_NO_NEWLINE}"
