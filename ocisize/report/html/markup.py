"""HTML elements from values. All text is escaped, so that a name from an image cannot become markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ocisize.text import printable, printable_lines, split_code


class Markup(str):
    """HTML that is written unchanged; any other text is escaped."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Markup:
    """An HTML element. An underscore at the end of an attribute's name is dropped, any other becomes a hyphen.

    >>> print(element("p", "a < b", class_="note", aria_hidden="true"))
    <p class="note" aria-hidden="true">a &lt; b</p>
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(printable(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Sequence[str]) -> Markup:
    """The children, one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(printable(child)) for child in children))


def with_code(text: str) -> list[str]:
    """Text whose parts between backticks are code."""
    return [element("code", part) if number % 2 else part for number, part in enumerate(split_code(text))]


def block(text: str) -> Markup:
    """Lines of code as they are, for readers to copy.

    >>> print(block("RUN a\\n&& b"))
    <pre><code>RUN a
    &amp;&amp; b</code></pre>
    """
    return element("pre", element("code", Markup(escape(printable_lines(text)))))
