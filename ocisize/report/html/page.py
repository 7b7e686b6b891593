"""An Analysis as one HTML file: figures, a treemap, a table of all files, plan and findings. The page works offline.

Figures, plan, findings and layers are text in the page, also for readers without scripts; the rest is the ``explorer``.
The same analysis gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from ocisize.model.analysis import Analysis
from ocisize.report.html.body import write_foot, write_head, write_layers, write_verdicts
from ocisize.report.html.data import MAX_SIZE
from ocisize.report.html.document import write_document
from ocisize.report.html.explorer import SCRIPTS, write_data, write_explorer
from ocisize.report.html.findings import write_findings, write_secrets
from ocisize.report.html.markup import element
from ocisize.report.html.plan import write_plan
from ocisize.report.options import ReportOptions
from ocisize.report.packages.html_table import write_largest
from ocisize.report.subject import Subject
from ocisize.report.words.image import name_image
from ocisize.sizes.cost import CostAssumptions, default_assumptions

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict


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
    body = [
        write_head(analysis, assumptions or default_assumptions(), verdicts),
        element(
            "main",
            write_explorer(),
            write_secrets(analysis),
            write_verdicts(analysis, verdicts),
            write_plan(analysis, assumptions),
            write_findings(analysis, assumptions),
            write_largest(analysis),
            write_layers(analysis),
        ),
        write_foot(analysis),
        write_data(analysis, data_size),
    ]
    return write_document(name_image(analysis), body, SCRIPTS)
