"""Needles of a regular expression: texts of which every match, or the text around it, contains one.

A text without a needle need not be searched. The needles come from the parse tree of the expression, so that they cannot be
forgotten when the expression changes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

if sys.version_info >= (3, 11):
    from re import _parser as parser  # type: ignore[attr-defined]
else:
    import sre_parse as parser

_MAX_NEEDLES = 32

_Item = tuple[Any, Any]  # an operator of the parse tree, and its argument
_Texts = frozenset[str]
_EMPTY: _Texts = frozenset([""])


def find_needles(pattern: str) -> tuple[str, ...]:
    r"""The needles of a regular expression in alphabetical order, as long and as few as possible; () if it has none.

    >>> find_needles(r"\bgh[po]_\w{30}"), find_needles(r"x?(?:docker|podman)\s.*?login"), find_needles(r"\d+|x")
    (('gho_', 'ghp_'), ('docker', 'podman'), ())
    """
    tree = parser.parse(pattern, re.DOTALL)
    needles = frozenset() if tree.state.flags & re.IGNORECASE else _required(tree)
    return tuple(sorted(text for text in needles if not any(other in text for other in needles - {text})))


def _required(items: Iterable[_Item]) -> _Texts:
    """The best needles of a sequence; none if it may match without any."""
    found = [needles for needles in _candidates(items) if needles and "" not in needles]
    return max(found, key=lambda needles: (min(map(len, needles)), -len(needles)), default=frozenset())


def _candidates(items: Iterable[_Item]) -> Iterator[_Texts]:
    """Of each run of items that match few texts these texts; of each other item its needles."""
    run = _EMPTY
    for item in items:
        texts = _texts(item)
        if texts and len(run) * len(texts) <= _MAX_NEEDLES:
            run = _join(run, texts)
        else:
            yield run
            run = texts or _EMPTY
        yield _required_of(item)
    yield run


def _required_of(item: _Item) -> _Texts:
    """The needles of an item that matches many texts, or of an assertion."""
    operator, argument = item
    match str(operator):
        case "SUBPATTERN":
            _, added, _, inner = argument
            return frozenset() if added & re.IGNORECASE else _required(inner)
        case "ATOMIC_GROUP":
            return _required(argument)
        case "ASSERT":
            return _required(argument[1])
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT" if argument[0]:
            return _required(argument[2])
        case "BRANCH":
            branches = [_required(branch) for branch in argument[1]]
            return frozenset().union(*branches) if all(branches) else frozenset()
    return frozenset()


def _texts(item: _Item) -> _Texts:
    """All texts that an item matches, if they are few; else none."""
    operator, argument = item
    match str(operator):
        case "LITERAL":
            return frozenset([chr(argument)])
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return _EMPTY
        case "IN":
            return _characters(argument)
        case "SUBPATTERN":
            return frozenset() if argument[1] & re.IGNORECASE else _texts_of(argument[3])
        case "BRANCH":
            branches = [_texts_of(branch) for branch in argument[1]]
            return frozenset().union(*branches) if all(branches) else frozenset()
        case "MAX_REPEAT" | "MIN_REPEAT" if argument[1] == 1:
            texts = _texts_of(argument[2])
            return texts | _EMPTY if texts and not argument[0] else texts
    return frozenset()


def _texts_of(items: Iterable[_Item]) -> _Texts:
    """All texts that a sequence matches, if they are few; else none."""
    run = _EMPTY
    for item in items:
        texts = _texts(item)
        if len(run) * len(texts) > _MAX_NEEDLES:
            return frozenset()
        run = _join(run, texts)
    return run


def _join(starts: _Texts, ends: _Texts) -> _Texts:
    return frozenset(start + end for start, end in product(starts, ends))


def _characters(members: Sequence[_Item]) -> _Texts:
    """The characters of a set, if they are few; else none."""
    if all(str(operator) == "LITERAL" for operator, _ in members) and len(members) <= _MAX_NEEDLES:
        return frozenset(chr(code) for _, code in members)
    return frozenset()
