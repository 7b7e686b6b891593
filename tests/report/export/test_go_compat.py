"""Numbers and strings as Go's encoding/json writes them."""

from __future__ import annotations

import pytest

from ocisize.report.export.go_compat import go_float, go_quote


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
    """HTML's characters are escaped, bytes that are no UTF-8 are replaced, all other text is unchanged."""
    assert go_quote(text) == quoted
