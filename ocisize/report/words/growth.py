"""The growth of an image in words: the verdict of a comparison in one sentence, and sizes with their sign."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ocisize import text
from ocisize.model.analysis import Analysis
from ocisize.model.comparison import Comparison
from ocisize.report.words.download import ABOUT, human_download
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


def name_measure(download_sizes: Iterable[int | None]) -> str:
    """What the sizes of a list measure: the ``download`` if all of it is known, else the ``unpacked size``.

    >>> name_measure([100, 200]), name_measure([100, None])
    ('download', 'unpacked size')
    """
    return "unpacked size" if None in download_sizes else "download"
