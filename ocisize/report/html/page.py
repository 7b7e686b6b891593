"""An Analysis as one HTML file: figures, plan, findings, a treemap, and a table of all files. The page works offline.

The page contains its style and scripts; its Content-Security-Policy lists their hashes and forbids everything else.
Figures, plan, findings and layers are text in the page, also for readers without scripts; the rest is data that the scripts
in ``assets`` draw: ``treemap.js`` the map, ``table.js`` the files, ``views.js`` the colors by layer, state or type.
The same analysis gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from ocisize.model.analysis import Analysis
from ocisize.packaged import read_packaged
from ocisize.report.html.body import write_foot, write_head, write_layers, write_verdicts
from ocisize.report.html.data import MAX_SIZE, page_data
from ocisize.report.html.findings import write_findings, write_secrets
from ocisize.report.html.markup import Markup, element, join
from ocisize.report.html.plan import write_plan
from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject
from ocisize.report.words.image import name_image
from ocisize.sizes.cost import CostAssumptions, default_assumptions

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict

_SCRIPTS = ("model.js", "treemap.js", "table.js", "views.js", "page.js")


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write the page."""
    file.write(to_html(subject.analysis, assumptions=options.assumptions, verdicts=options.verdicts))


def to_html(
    analysis: Analysis,
    *,
    assumptions: CostAssumptions | None = None,
    verdicts: Sequence[Verdict] = (),
    data_size: int = MAX_SIZE,
) -> str:
    """Write an analysis as an HTML document whose data take at most ``data_size`` bytes.

    If the image has more files, small ones are combined, with their number and bytes; sums stay exact. With
    ``assumptions`` each step and each finding shows what it saves in dollars a year.
    """
    style = _asset("page.css")
    script = '"use strict";\n' + "".join(map(_asset, _SCRIPTS))
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; base-uri 'none'"
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}; form-action \'none\'">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<link rel="icon" href="data:,">'),
        element("title", f"{name_image(analysis)} - ocisize"),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        write_head(analysis, assumptions or default_assumptions()),
        element(
            "main",
            write_secrets(analysis),
            write_verdicts(analysis, verdicts),
            write_plan(analysis, assumptions),
            write_findings(analysis, assumptions),
            Markup(_asset("explorer.html")),
            write_layers(analysis),
        ),
        write_foot(analysis),
        element("script", Markup(page_data(analysis, data_size)), id="data", type="application/json"),
        element("script", Markup(script)),
    )
    return join([Markup("<!DOCTYPE html>\n"), element("html", head, body, lang="en"), Markup("\n")])


def _asset(name: str) -> str:
    return read_packaged("ocisize.report.html", f"assets/{name}")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
