"""What a run says on standard error about the images that it has read: warnings, and what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.caching import warn_of_cache
from ocisize.cli.terminal import print_message

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from ocisize.analyzer import Analyzer
    from ocisize.model.analysis import Analysis
    from ocisize.model.outline import IndexOutline, Outline
    from ocisize.model.platforms import IndexAnalysis

_MAX_WARNINGS = 10


def show_warnings(options: argparse.Namespace, warnings: Sequence[str], analyzer: Analyzer) -> None:
    """Print the first few warnings, and why the cache of the analyzer was not used; nothing with ``--quiet``."""
    if options.quiet:
        return
    for text in warnings[:_MAX_WARNINGS]:
        print_message("warning", text)
    if len(warnings) > _MAX_WARNINGS:
        print_message("warning", f"and {len(warnings) - _MAX_WARNINGS} more, see -f json")
    warn_of_cache(analyzer.cache)


def show_index_notes(
    options: argparse.Namespace,
    index: IndexAnalysis | IndexOutline,
    images: Mapping[str, Analysis] | Mapping[str, Outline],
    analyzer: Analyzer,
) -> None:
    """Print the warnings of an index and its images, by platform, and the images that could not be read."""
    absent = [f"{name}: listed in the index, but its manifest is missing" for name in index.absent]
    own = [f"{name}: {text}" for name, image in images.items() for text in image.warnings]
    show_warnings(options, [*absent, *index.warnings, *own], analyzer)
    for unread in index.unread:
        print_message("error", f"{unread.platform or unread.digest}: {unread.error}")


def show_unread(analysis: Analysis, *, about: str = "") -> None:
    """Print the unread layers, also with ``--quiet``: they are errors, or warnings if they are foreign."""
    if not analysis.complete:
        from ocisize.report.words.incomplete import list_unread

        level = "warning" if analysis.lacks_only_foreign else "error"
        for text in list_unread(analysis):
            print_message(level, f"{about}{': ' * bool(about)}{text}")
