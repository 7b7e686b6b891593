"""Strings and numbers as Go's encoding/json writes them, for the export that must equal dive's byte for byte."""

from __future__ import annotations

import json
import re
from decimal import Decimal

_ESCAPED = re.compile("[<>&\u2028\u2029]")
_NO_TEXT = re.compile("[\ud800-\udfff]")


def go_quote(text: str) -> str:
    r"""A JSON string as encoding/json writes it: with HTML's characters escaped, and U+FFFD for bytes that are not UTF-8.

    >>> print(go_quote("a<b"), go_quote("caf\udce9"))
    "a\u003cb" "caf\ufffd"
    """
    quoted = json.dumps(text, ensure_ascii=False)
    if not quoted.isascii():
        quoted = _NO_TEXT.sub(r"\\ufffd", quoted)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def go_float(value: float) -> str:
    """A JSON number as encoding/json writes a finite float64.

    >>> go_float(1.0), go_float(0.25), go_float(1e-7)
    ('1', '0.25', '1e-7')
    """
    text = repr(value)
    if 1e-6 <= abs(value) < 1e21 or not value:
        return format(Decimal(text), "f").removesuffix(".0")
    return re.sub(r"e([+-])0", r"e\1", text.replace(".0e", "e"))
