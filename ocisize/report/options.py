"""The options of a report; each format uses those that apply to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ocisize.values import frozen

if TYPE_CHECKING:
    from ocisize.dockerfile.parse import Dockerfile
    from ocisize.model.budget import Verdict
    from ocisize.sizes.cost import CostAssumptions


@frozen(kw_only=True)
class ReportOptions:
    """Options of a report, with the formats that use them."""

    top: int = 5  #: rows in each list, and fixes on one screen: text
    sections: Collection[str] = ()  #: those of ``report.sections`` to show; none means one screen: text
    arguments: Sequence[str] = ()  #: the image, and the options to read it again; () means its source: text
    sizes: bool = False  #: show what other tools show: of outlines in text, and in markdown and csv
    files: bool = False  #: include every stored file: json, csv
    color: bool | None = None  #: color the report; None means only on a terminal: text
    assumptions: CostAssumptions | None = None  #: of costs; None means defaults, and no costs of findings: text, json, html
    dockerfile: str = "Dockerfile"  #: its path in the repository: sarif, github, gitlab
    parsed_dockerfile: Dockerfile | None = None  #: for the lines of findings: sarif, github, gitlab
    verdicts: Sequence[Verdict] = ()  #: on budgets: all but csv, ncdu, dive-json, cyclonedx, spdx
    #: seconds since 1970 to date the document with, SOURCE_DATE_EPOCH of the command line; None: when the image was created:
    #: cyclonedx, spdx
    source_date: int | None = None
