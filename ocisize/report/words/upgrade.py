"""What a host that has BEFORE downloads to upgrade to AFTER, in words."""

from __future__ import annotations

from ocisize.model.comparison import Comparison
from ocisize.report.words.units import human_size
from ocisize.text import printable


def describe_upgrade(comparison: Comparison) -> str:
    """How much of AFTER a host with BEFORE downloads, and how much of it again and why; "" if the sizes are unknown.

    >>> import ocisize
    >>> old, new = map(ocisize.analyze, ("testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"))
    >>> describe_upgrade(ocisize.compare(old, new))
    ''
    """
    size, whole = comparison.download_size, comparison.after.compressed_size
    if size is None or whole is None:
        return ""
    text = f"all {human_size(whole)}" if size == whole else f"{human_size(size)} of {human_size(whole)}"
    cause = comparison.download_cause
    if cause is None or not cause.compressed_size:
        return text
    again = "" if cause.compressed_size == size else f", {human_size(cause.compressed_size)} of it"
    return f"{text}{again} again because {printable(cause.text)}"
