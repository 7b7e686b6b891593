"""HTML from values: elements whose text is escaped, so that no name can be more than text."""

from __future__ import annotations

from html import escape

from ocisize.text import printable


class Markup(str):
    """HTML as it shall stand in the page; any other text is escaped."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Markup:
    """An element: ``element("p", "a < b", class_="note")``; ``_`` at an attribute's end is dropped, else a hyphen."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(printable(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: tuple[str, ...] | list[str]) -> Markup:
    """Several children beside each other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(printable(child)) for child in children))
