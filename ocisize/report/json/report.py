"""The report ``-f json``: the document of one image, or of an index."""

from __future__ import annotations

from typing import TextIO

from ocisize.report.json.analysis import to_json
from ocisize.report.json.platforms import index_to_json
from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write the document, indented."""
    if subject.index is not None:
        text = index_to_json(subject.index, options, verdicts=subject.verdicts)
    else:
        (image,) = subject.images
        text = to_json(image.analysis, files=options.files, assumptions=options.assumptions, verdicts=image.verdicts)
    file.write(f"{text}\n")
