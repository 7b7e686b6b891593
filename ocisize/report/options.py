"""What a report may be asked for; each format takes what concerns it."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class ReportOptions:
    """The choices of whoever asked for a report."""

    top: int = 10  #: rows in lists of files
    files: bool = False  #: every stored file: json, csv
    color: bool | None = None  #: of text; None means on a terminal
    dockerfile: str = "Dockerfile"  #: the repository's file that findings are shown at: sarif, github, gitlab
