"""What packages of rpm require."""

from __future__ import annotations

import pytest

from ocisize.inventory.rpm.requirements import read_requirements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(a >= 1 or pkgconfig(b) = 2:3  or c)", [("a", "pkgconfig(b)", "c")]),
        ("(a and b < 2)", [("a",), ("b",)]),
        ("(a with a < 2)", [("a",)]),
        ("(a if b)", []),
        ("(a and (b or c))", []),
        ("(a)", [("a",)]),
        ("()", []),
        ("( or )", []),
    ],
)
def test_expressions(text: str, expected: list[tuple[str, ...]]) -> None:
    """The first word of each operand is a name; what depends on other packages is left out."""
    assert list(read_requirements([text])) == expected


def test_blanks_are_read_once() -> None:
    """A database has room for thousands of expressions, and each of them for thousands of blanks."""
    texts = [f"({number}{' ' * 4000}x)" for number in range(2000)]
    assert len(list(read_requirements(texts))) == 2000
