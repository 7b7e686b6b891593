"""Code on the page with the numbers of its lines. The numbers are attributes, so that what readers copy is the code."""

from __future__ import annotations

import re
from html import escape

from ocisize.report.html.markup import Markup, block, element
from ocisize.text import printable_lines

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_CHANGES = {"+": "added", "-": "removed"}


def numbered_block(text: str, first: int | None) -> Markup:
    """Lines of code to copy, numbered from ``first``; without numbers if that is None.

    >>> print(numbered_block("RUN a\\n&& b", 6))
    <pre class="numbered"><code><span data-line="6">RUN a</span>
    <span data-line="7">&amp;&amp; b</span></code></pre>
    """
    if first is None:
        return block(text)
    return _block([_line(line, str(number)) for number, line in enumerate(printable_lines(text).split("\n"), first)])


def patch_block(patch: str) -> Markup:
    """A unified diff; context and removed lines have their numbers before it, added lines those after it.

    >>> print(patch_block("@@ -4 +4 @@\\n-RUN a\\n+RUN b"))
    <pre class="numbered"><code><span data-line="">@@ -4 +4 @@</span>
    <span data-line="4" class="removed">-RUN a</span>
    <span data-line="4" class="added">+RUN b</span></code></pre>
    """
    numbers, rest = {"-": 0, "+": 0}, {"-": 0, "+": 0}  # of the next line on each side; lines of the hunk that follow
    lines = []
    for line in printable_lines(patch.rstrip("\n")).split("\n"):
        if not any(rest.values()) or line.startswith("\\"):
            if match := _HUNK.match(line):
                numbers = {"-": int(match[1]), "+": int(match[3])}
                rest = {"-": int(match[2] or 1), "+": int(match[4] or 1)}
            lines.append(_line(line, ""))
            continue
        sides = [line[0]] if line[:1] in _CHANGES else ["-", "+"]
        lines.append(_line(line, str(numbers[sides[0]]), _CHANGES.get(line[:1], "")))
        for side in sides:
            numbers[side] += 1
            rest[side] -= 1
    return _block(lines)


def _line(text: str, number: str, kind: str = "") -> Markup:
    attributes = {"data_line": number} | ({"class_": kind} if kind else {})
    return element("span", Markup(escape(text)), **attributes)


def _block(lines: list[Markup]) -> Markup:
    return element("pre", element("code", Markup("\n".join(lines))), class_="numbered")
