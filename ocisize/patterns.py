"""Patterns that are compiled when they are first used.

A run would compile 79 patterns that it never uses, in 12 ms. A pattern that most runs use is compiled by ``re``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, AnyStr

__all__ = ["lazy_pattern"]


class _LazyPattern:
    def __init__(self, pattern: str | bytes, flags: int = 0) -> None:
        self.pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        """Compile the pattern, and keep its method, so that the next call finds it."""
        value = self.__dict__[name] = getattr(re.compile(self.pattern, self._flags), name)
        return value


if TYPE_CHECKING:

    def lazy_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
        """Return a pattern whose methods compile it.

        Use the methods of the pattern: the functions of ``re`` do not take it.
        """
        ...
else:
    lazy_pattern = _LazyPattern
