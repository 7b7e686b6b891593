"""The text report: one screen about an image, the full report on request, or the platforms of an index side by side."""

from __future__ import annotations

from typing import TextIO

from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write the report on an image or on an index, at the width of the terminal or of a pipe."""
    if subject.index is not None and options.sizes:
        from ocisize.report.text.lines import MAX_WIDTH, has_color, page_width, write_lines
        from ocisize.report.text.tool_sizes import list_platforms
        from ocisize.sizes.index_tool_sizes import index_tool_sizes
        from ocisize.sizes.tool_sizes import tool_sizes

        width = min(page_width(file, options.color), MAX_WIDTH)
        images = ((image.platform, tool_sizes(image.analysis)) for image in subject.images)
        lines = list_platforms(images, index_tool_sizes(subject.index), width)
        write_lines(lines, file, color=has_color(file, options.color))
        return
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
