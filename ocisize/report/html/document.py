"""The frame of each page: one HTML file with its style and scripts, which works offline.

Its Content-Security-Policy lists the hashes of the style and the script, and forbids everything else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from ocisize.packaged import read_packaged
from ocisize.report.html.markup import Markup, element, join


def write_document(title: str, body: Sequence[Markup], scripts: Sequence[str]) -> str:
    """An HTML document with the style of all pages and the scripts of these assets, which run after the body is read."""
    style = read_asset("page.css")
    script = '"use strict";\n' + "".join(map(read_asset, scripts))
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; base-uri 'none'"
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}; form-action \'none\'">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<link rel="icon" href="data:,">'),
        element("title", f"{title} - ocisize"),
        element("style", Markup(style)),
    )
    end = element("script", Markup(script))
    page = element("html", head, element("body", *body, end), lang="en")
    return join([Markup("<!DOCTYPE html>\n"), page, Markup("\n")])


def read_asset(name: str) -> str:
    """The text of a file in ``assets``."""
    return read_packaged("ocisize.report.html", f"assets/{name}")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
