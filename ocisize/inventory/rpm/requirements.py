"""What the packages of rpm require, as names of packages or of what packages provide.

Format: https://rpm-software-management.github.io/rpm/manual/dependencies.html, and for requirements in parentheses
https://rpm-software-management.github.io/rpm/manual/boolean_dependencies.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ocisize.inventory.record import Alternatives
from ocisize.patterns import lazy_pattern

_PROVIDED = lazy_pattern(r"(?<=[^\s(])\([^()\s]*\)")  # the end of names such as pkgconfig(zlib)
_OPERATORS = frozenset({"or", "and", "with", "without", "if", "unless", "else"})
_MAX_EXPRESSION = 4096  # characters; the longest of Fedora have a few hundred


def read_requirements(names: Iterable[str]) -> Iterator[Alternatives]:
    """The alternatives of each requirement, once; without those on rpm itself.

    >>> list(read_requirements(["glibc", "rpmlib(FileDigests)", "(crypto-policies or openssl >= 3)", "glibc"]))
    [('glibc',), ('crypto-policies', 'openssl')]
    """
    read = (
        alternatives
        for name in dict.fromkeys(names)  # a name occurs once for each range of versions
        if not name.startswith("rpmlib(")
        for alternatives in (_read_expression(name) if name.startswith("(") else ((name,),))
    )
    return iter(dict.fromkeys(read))


def _read_expression(text: str) -> list[Alternatives]:
    """The requirements in an expression; none of one that depends on other packages or has further expressions in it."""
    if len(text) > _MAX_EXPRESSION or "(" in _PROVIDED.sub("", text[1:]):
        return []
    words = text[1:-1].split()
    operators = _OPERATORS.intersection(words)
    starts = (word for before, word in zip(("or", *words), words, strict=False) if before in _OPERATORS)  # versions follow
    names = tuple(word for word in starts if word not in _OPERATORS)
    if operators <= {"or"}:
        return [names] if names else []
    if operators == {"and"}:
        return [(name,) for name in names]
    return [names[:1]] if operators <= {"with", "without"} else []
