"""wrap gives the lines of textwrap, which it does not load for texts that fit."""

from __future__ import annotations

import textwrap

from hypothesis import given
from hypothesis import strategies as st

from ocisize.report.text.lines import wrap

_TEXTS = st.text(st.sampled_from("ab-– \t\n\x1c \x85·") | st.characters(), max_size=30)


@given(_TEXTS, st.integers(5, 40), st.sampled_from(["", "  "]), st.sampled_from(["", " ", "- "]), st.booleans())
def test_wrap_is_that_of_textwrap(text: str, width: int, indent: str, first_indent: str, at_hyphens: bool) -> None:  # noqa: FBT001
    expected = textwrap.wrap(text, width, initial_indent=first_indent, subsequent_indent=indent, break_on_hyphens=at_hyphens)
    assert wrap(text, width, indent=indent, first_indent=first_indent, break_on_hyphens=at_hyphens) == expected
