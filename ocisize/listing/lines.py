"""Lists with one reference in each line.

A line has a reference, a pattern of a registry, a path or a name with a scheme; behind a tab or blanks follows a label.
``#`` begins a comment, at the start of a line or behind a blank.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from ocisize.errors import InvalidReference
from ocisize.listing.names import check_name
from ocisize.listing.references import ListedReference, shorten_text
from ocisize.text import count_of
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocisize.listing.references import Collector

_MAX_LINE = 16 << 10  # characters: a path has at most 4,096
MAX_FAILURES = 100  #: of a list: with more, the text is no list
_COMMENT = re.compile(r"(?:^|(?<=[\s]))#.*")
_UNTAGGED = "<none>"
_QUOTES = ("'", '"')


class Expansion(NamedTuple):
    """What adds the references of patterns."""

    takes: Callable[[str], bool]  #: whether a name is one of several references
    add: Callable[[str, str, str], None]  #: adds the references of a name, with the label and the place of its line


class Line(NamedTuple):
    """A line that names an image."""

    number: int  #: from 1
    name: str
    label: str


def split_lines(text: str) -> Iterator[Line]:
    """Yield the lines of a list that name something.

    >>> [*split_lines("# shop\\r\\nnginx:1.27\\tthe shop # old\\r\\n\\r\\nredis cache\\n")]
    [Line(number=2, name='nginx:1.27', label='the shop'), Line(number=4, name='redis', label='cache')]
    """
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        content = line.strip("\ufeff \t\f\v\n")
        if not content or content.startswith("#"):
            continue
        if "#" in content and len(content) <= _MAX_LINE:
            content = _COMMENT.sub("", content).rstrip()
        name, _, label = content.partition("\t") if "\t" in content else content.partition(" ")
        yield Line(number, name.rstrip(), shorten_text(label))


def list_lines(text: str, name: str, collector: Collector, expansion: Expansion) -> None:
    """Add the references of a list, and those of its patterns.

    A line that names no image is a failure, and behind 100 of them the rest is not read. Raises LimitExceeded.
    """
    failures = untagged = 0
    for line in split_lines(text):
        if _UNTAGGED in line.name:
            untagged += 1
        elif expansion.takes(line.name):
            expansion.add(line.name, line.label, f"{name}, line {line.number}")
        elif (error := _add(line, name, collector)) is not None:
            collector.fail(line.name, f"{name}, line {line.number}: {error}", _advise(line.name) or error.hint or "")
            failures += 1
            if failures == MAX_FAILURES:
                collector.fail(name, f"{name}: {failures} lines name no image; those behind line {line.number} are not read")
                break
    if untagged:
        collector.warn(f"{name}: {count_of(untagged, 'line')} with {_UNTAGGED}, which is no name to read an image by")


def _add(line: Line, name: str, collector: Collector) -> InvalidReference | None:
    """Add the reference of a line; return the error if it names no image."""
    try:
        checked = check_name(line.name)
    except InvalidReference as error:
        return error
    collector.add(
        ListedReference(
            name=checked.name,
            select=checked.select,
            label=line.label,
            store=checked.store,
            source=name,
            line=line.number,
        )
    )
    return None


def _advise(text: str) -> str:
    """Return advice for a line that is quoted or has commas, as tools print JSON and CSV."""
    if text.startswith(_QUOTES):
        return "write the reference without quotes: jq -r prints texts so"
    return "a label follows a tab or a blank, not a comma" if "," in text else ""
