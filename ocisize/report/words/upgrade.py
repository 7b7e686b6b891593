"""How much an image grew, why, and what a host that has BEFORE downloads to upgrade to AFTER, in words."""

from __future__ import annotations

from ocisize.model.comparison import Comparison, Reason
from ocisize.report.words.download import ABOUT
from ocisize.report.words.growth import describe_size, share_of
from ocisize.report.words.units import human_size
from ocisize.text import printable, signed_size


def describe_upgrade(comparison: Comparison) -> str:
    """How much of AFTER a host with BEFORE downloads, and how much of it again and why; "" if that is unknown or all.

    >>> import ocisize
    >>> old, new = map(ocisize.analyze, ("testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"))
    >>> describe_upgrade(ocisize.compare(old, new))
    ''
    """
    size, whole = comparison.download_size, comparison.after.compressed_size
    if size is None or whole is None or comparison.is_new:
        return ""
    text = f"all {human_size(whole)}" if size == whole else f"{human_size(size)} of {human_size(whole)}"
    cause = comparison.download_cause
    if cause is None or not cause.compressed_size:
        return text
    again = "" if cause.compressed_size == size else f", {human_size(cause.compressed_size)} of it"
    return f"{text}{again} again because {printable(cause.text)}"


def summarize_growth(comparison: Comparison) -> str:
    """How much the image grew or shrank, and what a host with BEFORE downloads, in two sentences."""
    if comparison.is_new:
        sizes = dict.fromkeys([describe_size(comparison.after), f"{human_size(comparison.growth)} unpacked"])
        return f"New image: {', '.join(sizes)}."
    before, download, content = comparison.before, comparison.expected_compressed_growth, comparison.growth
    unpacked = f"{_amount(content, before.content_size)} unpacked"
    about = ABOUT if comparison.estimated_growth else ""
    if download is None:
        text = f"{_verb(content)} {unpacked}; the download is unknown because the layers of an archive are uncompressed"
    else:
        same = _verb(download) == _verb(content) and download and content
        text = f"{_verb(download)} {about}{_amount(download, before.expected_compressed_size or 0)} to download, "
        text += unpacked if same else f"{_verb(content)} {unpacked}"
    if comparison.download_size is not None and comparison.after.compressed_size is not None:
        text += f". A host with BEFORE downloads {describe_upgrade(comparison)}"
    return f"{text[0].upper()}{text[1:]}."


def _verb(growth: int) -> str:
    return "grew by" if growth > 0 else "shrank by" if growth < 0 else "the same"


def _amount(growth: int, before: int) -> str:
    if not growth:
        return "size"
    share = share_of(growth, before) or (" (less than 0.1 %)" if before else "")
    return f"{human_size(abs(growth))}{share}"


def describe_reason(reason: Reason) -> str:
    """A reason in one sentence, with its growth in front."""
    unit = "unpacked" if reason.compressed_growth is None else "to download"
    return f"{signed_size(reason.weight)} {unit}: {printable(reason.text)}"
