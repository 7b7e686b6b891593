"""The growth of an image in words: the verdict of a comparison in one sentence, and sizes with their sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from ocisize import text
from ocisize.model.analysis import Analysis
from ocisize.model.comparison import Comparison, Reason, Suggestion
from ocisize.report.words.download import ABOUT, human_download
from ocisize.report.words.units import human_size, percent

T = TypeVar("T")
NO_GROWTH = "="
#: a size with its sign, NO_GROWTH for no growth, "?" for unknown growth
signed_size = partial(text.signed_size, no_growth=NO_GROWTH)
_MIN_SHARE = 0.0005  # smaller shares would be shown as 0.0 %


def describe_growth(comparison: Comparison) -> str:
    """The growth of the download, or of the content where the download is unknown, as the end of a sentence.

    >>> import ocisize
    >>> analyze = ocisize.Analyzer(estimate_download=False).analyze
    >>> old, new = map(analyze, ("testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"))
    >>> describe_growth(ocisize.compare(old, new))
    'grew by 2.00 kB (200.0 %) unpacked'
    """
    download = comparison.expected_compressed_growth
    growth, before, what = (
        (comparison.growth, comparison.before.content_size, "unpacked")
        if download is None
        else (download, comparison.before.expected_compressed_size, "to download")
    )
    if comparison.is_new:
        return f"is new: {describe_size(comparison.after)}"
    if not growth:
        return "did not change" if comparison.same_layers else f"has the same size {what}"
    about = ABOUT if comparison.estimated_growth is not None else ""
    return f"{'grew by' if growth > 0 else 'shrank by'} {about}{human_size(abs(growth))}{share_of(growth, before)} {what}"


def describe_size(image: Analysis) -> str:
    """The size of an image: of its download, or of its content where the download is unknown.

    >>> import ocisize
    >>> describe_size(ocisize.analyze("testdata/example.tar"))
    '1.59 MB to download'
    """
    if image.expected_compressed_size is None:
        return f"{human_size(image.content_size)} unpacked"
    return f"{human_download(image)} to download"


def share_of(growth: int, before: int | None) -> str:
    """The growth in percent of the size before, in parentheses after a space; "" if that says nothing.

    >>> share_of(-50, 200), share_of(5, 0)
    (' (25.0 %)', '')
    """
    share = abs(growth) / before if before else 0.0
    return f" ({percent(share)})" if share >= _MIN_SHARE else ""


def measure(items: Sequence[T], sizes_of: Callable[[T], tuple[int | None, int]]) -> tuple[str, list[tuple[int, T]]]:
    """What is measured, ``download`` or ``unpacked size``, and the items with their bytes, all of this one measure.

    The download is measured if that of all items is known. Items of 0 bytes are left out.

    Args:
        items: the items of a list, in its order.
        sizes_of: bytes of download of an item, None if unknown, and its bytes of content.

    >>> measure("ab", {"a": (10, 30), "b": (0, 5)}.__getitem__)
    ('download', [(10, 'a')])
    >>> measure("ab", {"a": (10, 30), "b": (None, 5)}.__getitem__)
    ('unpacked size', [(30, 'a'), (5, 'b')])

    """
    sizes = [sizes_of(item) for item in items]
    known = all(download is not None for download, _ in sizes)
    chosen = [(download if known else content) or 0 for download, content in sizes]
    rows = [(size, item) for size, item in zip(chosen, items, strict=True) if size]
    return ("download" if known else "unpacked size"), rows


def measure_reasons(comparison: Comparison) -> tuple[str, list[tuple[int, Reason]]]:
    """What the causes of growth are measured in, and their growth."""
    return measure(comparison.reasons, lambda reason: (reason.compressed_growth, reason.growth))


def measure_suggestions(comparison: Comparison) -> tuple[str, list[tuple[int, Suggestion]]]:
    """What suggestions are measured in, and the bytes that they apply to."""
    return measure(comparison.suggestions, lambda suggestion: (suggestion.compressed_size, suggestion.size))
