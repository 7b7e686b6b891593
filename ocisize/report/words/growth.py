"""The growth of an image in words: the verdict of a comparison in one sentence, and sizes with their sign."""

from __future__ import annotations

from functools import partial

from ocisize import text
from ocisize.model.comparison import Comparison
from ocisize.report.words.download import ABOUT
from ocisize.report.words.units import human_size, percent

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
    if not growth:
        return "did not change" if comparison.same_layers else f"has the same size {what}"
    about = ABOUT if comparison.estimated_growth is not None else ""
    return f"{'grew by' if growth > 0 else 'shrank by'} {about}{human_size(abs(growth))}{share_of(growth, before)} {what}"


def share_of(growth: int, before: int | None) -> str:
    """The growth in percent of the size before, in parentheses after a space; "" if that says nothing.

    >>> share_of(-50, 200), share_of(5, 0)
    (' (25.0 %)', '')
    """
    share = abs(growth) / before if before else 0.0
    return f" ({percent(share)})" if share >= _MIN_SHARE else ""
