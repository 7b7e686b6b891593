"""What package databases say about licenses, as SPDX ids, SPDX expressions, or names.

Expressions: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/. Databases often write their operators in lower
case, and ids in any case.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator

from ocisize.report.sbom.license_ids import find_exception, find_license
from ocisize.tuples import NamedTuple

_MAX_LICENSES = 20  # of a package; more are a parser's misreading
_MAX_EXPRESSION = 5000  # characters
_MAX_NAME = 120  # characters; some packages have the whole license in this field
_OPERAND, _EXCEPTION, _OPERATOR, _WITH = range(4)  # what may follow in an expression; WITH or an operator for the last


class LicenseKind(enum.Enum):
    """How a document may name a license."""

    ID = "id"  #: an id of the SPDX license list
    EXPRESSION = "expression"  #: several ids, or one with an exception
    NAME = "name"  #: anything else


class License(NamedTuple):
    """The license of a package as a document names it."""

    kind: LicenseKind
    text: str


def read_licenses(texts: Iterable[str]) -> list[License]:
    """The licenses of a package, each once.

    >>> [license.text for license in read_licenses(["mit", "GPL-2.0-only with classpath-exception-2.0", "Public domain"])]
    ['MIT', 'GPL-2.0-only WITH Classpath-exception-2.0', 'Public domain']
    """
    licenses = dict.fromkeys(found for text in texts if (found := _read(text)) is not None)
    return list(licenses)[:_MAX_LICENSES]


def _read(text: str) -> License | None:
    line = next((line for line in map(str.strip, text.splitlines()) if line), "")
    if not line:
        return None
    expression = _join(line.replace("(", " ( ").replace(")", " ) ").split()) if len(line) <= _MAX_EXPRESSION else ""
    if expression:
        return License(LicenseKind.EXPRESSION if " " in expression else LicenseKind.ID, expression)
    return License(LicenseKind.NAME, line if len(line) <= _MAX_NAME else f"{line[: _MAX_NAME - 1]}…")


def _join(words: list[str]) -> str:
    """The words as an expression with canonical ids, "" if they are none. Parentheses around a single id are left out."""
    canonical = list(_parse(words))
    if not canonical or "" in canonical:
        return ""
    if len(canonical) == 3 and canonical[0] == "(":
        return canonical[1]
    return " ".join(canonical).replace("( ", "(").replace(" )", ")")


def _parse(words: Iterable[str]) -> Iterator[str]:
    """The words of an expression as SPDX writes them; "" where the grammar is broken."""
    depth, expected = 0, _OPERAND
    for word in words:
        upper, written = word.upper(), ""
        if expected == _OPERAND:
            written = word if word == "(" else find_license(word)
            depth += word == "("
            expected = _OPERAND if word == "(" else _WITH
        elif expected == _EXCEPTION:
            written, expected = find_exception(word), _OPERATOR
        elif word == ")" and depth:
            written, depth, expected = word, depth - 1, _OPERATOR
        elif upper in ("AND", "OR"):
            written, expected = upper, _OPERAND
        elif upper == "WITH" and expected == _WITH:
            written, expected = upper, _EXCEPTION
        yield written
        if not written:
            return
    if depth or expected in (_OPERAND, _EXCEPTION):
        yield ""
