"""Numbers, text and order as Go's standard library has them."""

from __future__ import annotations

import random

import pytest

from ocisize.report.export.go_compat import go_float, go_quote, sort_order


def test_sorting_sorts() -> None:
    """Whatever the order of equals, keys ascend."""
    for seed in range(200):
        dice = random.Random(seed)
        keys = [dice.randrange(dice.choice([2, 10, 1000])) for _ in range(dice.randrange(400))]
        order = sort_order(keys)
        assert sorted(order) == list(range(len(keys)))
        assert [keys[position] for position in order] == sorted(keys)


def test_patterns_are_no_trap() -> None:
    """Orders that make a plain quicksort slow or deep are sorted too."""
    count = 20_000
    patterns = {
        "equal": [7] * count,
        "ascending": [index // 2 for index in range(count)],
        "descending": [-index // 2 for index in range(count)],
        "saw": [index % 100 for index in range(count)],
        "organ pipe": [min(index, count - index) for index in range(count)],
    }
    for name, keys in patterns.items():
        assert [keys[position] for position in sort_order(keys)] == sorted(keys), name


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.0, "0"), (0.684931506849315, "0.684931506849315"), (-2.5, "-2.5"), (1e-6, "0.000001"),
     (1e-7, "1e-7"), (1.5e-12, "1.5e-12"), (1e20, "100000000000000000000"), (1e21, "1e+21")],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    """Plain decimals between 1e-6 and 1e21, the shortest that mean the number, and exponents without zeros in front."""
    assert go_float(value) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("a/b", '"a/b"'), ("<&>", r'"\u003c\u0026\u003e"'), ("\u2028", r'"\u2028"'), ("\udcff", r'"\ufffd"'),
     ('"\\\n\x01', r'"\"\\\n\u0001"'), ("caf\u00e9", '"caf\u00e9"')],
)  # fmt: skip
def test_text(text: str, quoted: str) -> None:
    """HTML's characters are escaped, bytes that are no UTF-8 are replaced, all other text stands as it is."""
    assert go_quote(text) == quoted
