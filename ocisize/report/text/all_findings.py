"""All findings about an image: for people, those that matter at length and the others in a line each; and as JSON.

The JSON is a versioned document, ``ocisize.advice``, by the rules of ``report.json``.
"""

from __future__ import annotations

import json
from typing import TextIO

from rich.text import Text

from ocisize.analysis.cost import Assumptions
from ocisize.analysis.findings import Confidence, Rewrite
from ocisize.analysis.model import Analysis
from ocisize.report.advice import (
    LABEL,
    in_full,
    in_one_line,
    is_secret,
    label_of,
    list_advice,
    matters,
    new_grid,
    write_headline,
)
from ocisize.report.brief import write_brief
from ocisize.report.json import advice_document
from ocisize.report.page import open_page, print_name
from ocisize.report.partial import head_of_view
from ocisize.report.units import printable

SCHEMA, VERSION = "ocisize.advice", 1


def write_advise(
    analysis: Analysis,
    file: TextIO,
    *,
    top: int | None = None,
    width: int | None = None,
    color: bool | None = None,
    assumptions: Assumptions | None = None,
) -> None:
    """Write all findings, secrets first, the first ``top`` at length; None leaves it to what they save."""
    findings = [finding for finding in analysis.advice.findings if is_secret(finding)] + list_advice(analysis)
    with open_page(file, width=width, color=color) as console:
        print_name(console, analysis)
        count = len(analysis.layers)
        console.print(Text(printable(f"{analysis.platform} · {count} layer{'s' * (count != 1)}"), style="dim"))
        console.print()
        write_brief(console, analysis)
        if not findings:
            return
        write_headline(console, analysis)
        console.print()
        grid = new_grid()
        width, short = console.width - LABEL, 0
        told: set[Rewrite] = set()
        for number, finding in enumerate(findings):
            if matters(finding, analysis) if top is None else number < top:
                grid.add_row(label_of(finding), in_full(finding, width, assumptions, told).append("\n"))
            else:
                grid.add_row(label_of(finding), in_one_line(finding, width))
                short += 1
        console.print(grid)
        if short:
            console.print(Text("--all shows the steps, files and fix of each", style="dim"))


def advice_to_json(analysis: Analysis) -> str:
    """All findings in the library's order, those first that save most on the wire, and what each confidence saves."""
    savings = {str(each): analysis.advice.saving(each) for each in Confidence}
    document = {
        **head_of_view(SCHEMA, VERSION, analysis),
        "content_size": analysis.content_size,
        "compressed_size": analysis.compressed_size,
        "savings": {
            name: {"size": saving.size, "compressed_size": saving.compressed_size} for name, saving in savings.items()
        },
        "advice": advice_document(analysis.advice),
    }
    return json.dumps(document, indent=2)
