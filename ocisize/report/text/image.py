"""The text report: one screen about an image, the full report on request, or the platforms of an index side by side."""

from __future__ import annotations

from typing import TextIO

from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write the report on an image or on an index, at the width of the terminal or of a pipe."""
    if subject.index is not None:
        from ocisize.report.text.platforms import write_index

        write_index(subject.index, file, verdicts=subject.verdicts, color=options.color)
        return
    (image,) = subject.images
    if options.sections:
        from ocisize.report.text.full import write_sections

        write_sections(
            image.analysis,
            file,
            sections=options.sections,
            top=options.top,
            color=options.color,
            assumptions=options.assumptions,
            verdicts=image.verdicts,
        )
        return
    from ocisize.report.text.screen import write_screen

    write_screen(
        image.analysis,
        file,
        top=options.top,
        color=options.color,
        assumptions=options.assumptions,
        verdicts=image.verdicts,
        arguments=options.arguments,
    )
