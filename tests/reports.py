"""Reports for CI on the image of ``gates``: with budgets, for two platforms, with a Dockerfile."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ocisize import Analysis, Verdict
from ocisize.model.platforms import IndexAnalysis
from ocisize.comparison.platforms import find_drift
from ocisize.model.findings import Advice
from ocisize.report.formats import write_index_report, write_report
from ocisize.report.options import ReportOptions
from tests.gates import changed, image, judge

BUDGETS = """\
max-download = "10 kB"
max-waste = ["25 %", "4 kB"]
forbid = "/app"

[[budget]]
max-files = 5
level = "warn"
reason = "Inodes are few."

[[budget]]
platform = "linux/s390x"
max-files = 5
"""
DOCKERFILE = """\
FROM scratch
ADD rootfs
RUN apt-get \\
    install
RUN rm
COPY . /app
"""


def text_of(name: str, analysis: Analysis, **options: Any) -> str:
    """A report in the form of that name."""
    file = io.StringIO(newline="")
    write_report(name, analysis, file, ReportOptions(**options))
    return file.getvalue()


def with_budgets(name: str) -> str:
    """The image with all kinds of verdicts."""
    return text_of(name, image(), verdicts=judge(BUDGETS))


def index_of(*analyses: Analysis) -> IndexAnalysis:
    """An index of these images."""
    named = {analysis.platform: analysis for analysis in analyses}
    return IndexAnalysis(
        source="app", format="oci-layout", reference="acme/app:1", digest=None, media_type="",
        analyses=named, drift=find_drift({name: attrs.evolve(image(), platform=name) for name in named}),
    )  # fmt: skip


def platforms() -> list[Analysis]:
    """The image for two platforms; the second one lacks a finding and is larger."""
    (first, *_) = image().advice.findings
    other = changed(image(), platform="linux/arm64", compressed_size=10_200, advice=Advice((first,)))
    return [image(), other]


def of_all(
    name: str, analyses: Sequence[Analysis] = (), verdicts: Mapping[str, Sequence[Verdict]] | None = None, **options: Any
) -> str:
    """A report on all platforms."""
    file = io.StringIO(newline="")
    index = index_of(*(analyses or platforms()))
    write_index_report(name, index, file, ReportOptions(**options), verdicts or {})
    return file.getvalue()


def judged_all() -> dict[str, list[Verdict]]:
    """Verdicts on both: the larger one breaks a budget."""
    return {platform.platform: judge('max-download = "10.15 kB"\nmax-files = 6', platform) for platform in platforms()}
