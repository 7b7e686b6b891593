"""What a report may be asked for; each format takes what concerns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from ocisize.history.dockerfile import Instruction
    from ocisize.model.budget import Verdict
    from ocisize.sizes.cost import Assumptions


@attrs.frozen(kw_only=True)
class ReportOptions:
    """The choices of whoever asked for a report."""

    top: int = 5  #: rows in each list of the text
    files: bool = False  #: every stored file: json, csv
    color: bool | None = None  #: of text; None means on a terminal
    assumptions: Assumptions | None = None  #: what findings save in dollars: text, json, html
    dockerfile: str = "Dockerfile"  #: the repository's file that findings are shown at: sarif, github, gitlab
    instructions: Sequence[Instruction] = ()  #: of that file, for the lines that findings are shown at
    verdicts: Sequence[Verdict] = ()  #: on budgets: text, json, html, markdown, sarif, junit, github, gitlab, openmetrics
