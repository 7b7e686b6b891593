"""The growth of an image in words: the verdict of a comparison in one sentence, and sizes with their sign."""

from __future__ import annotations

from ocisize.model.comparison import Comparison
from ocisize.report.words.download import ABOUT
from ocisize.report.words.units import UNKNOWN, human_size, percent

NO_GROWTH = "="
_MIN_SHARE = 0.0005  # smaller shares would be shown as 0.0 %


def describe_growth(comparison: Comparison) -> str:
    """The growth of the download, or of the content where the download is unknown, as the end of a sentence.

    >>> import ocisize
    >>> analyze = ocisize.Analyzer(estimate_download=False).analyze
    >>> old, new = map(analyze, ("testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"))
    >>> describe_growth(ocisize.compare(old, new))
    'grew by 2.00 kB (200.0 %) unpacked'
    """
    exact, estimate = comparison.compressed_growth, comparison.estimated_growth
    download = estimate if exact is None else exact
    growth, before, what = (
        (comparison.growth, comparison.before.content_size, "unpacked")
        if download is None
        else (download, comparison.before.expected_compressed_size, "to download")
    )
    if not growth:
        return "did not change" if comparison.same_layers else f"has the same size {what}"
    about = ABOUT if download is not None and exact is None else ""
    return f"{'grew by' if growth > 0 else 'shrank by'} {about}{human_size(abs(growth))}{share_of(growth, before)} {what}"


def share_of(growth: int, before: int | None) -> str:
    """The growth in percent of the size before, in parentheses after a space; "" if that says nothing.

    >>> share_of(-50, 200), share_of(5, 0)
    (' (25.0 %)', '')
    """
    share = abs(growth) / before if before else 0.0
    return f" ({percent(share)})" if share >= _MIN_SHARE else ""


def signed_size(growth: int | None) -> str:
    """A size with its sign, "=" for no growth, "?" for unknown growth.

    >>> signed_size(1500), signed_size(-20), signed_size(0), signed_size(None)
    ('+1.50 kB', '-20 B', '=', '?')
    """
    if growth is None:
        return UNKNOWN
    return f"{'+' if growth > 0 else '-'}{human_size(abs(growth))}" if growth else NO_GROWTH
