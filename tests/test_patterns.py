"""Patterns that are compiled when they are first used."""

import re

import pytest

from ocisize.patterns import lazy_pattern


def test_a_lazy_pattern_matches_as_a_compiled_one() -> None:
    lazy, compiled = lazy_pattern(r"(\w)b", re.IGNORECASE), re.compile(r"(\w)b", re.IGNORECASE)
    assert lazy.findall("ab xB c") == compiled.findall("ab xB c")
    assert lazy.sub("-", "ab c") == compiled.sub("-", "ab c")
    assert lazy.pattern == compiled.pattern
    assert lazy.flags == compiled.flags


def test_a_lazy_pattern_is_compiled_at_its_first_use() -> None:
    pattern = lazy_pattern("(")
    with pytest.raises(re.error):
        pattern.match("")
