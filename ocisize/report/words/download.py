"""The download of an image or a layer in words; an estimate is always marked as one."""

from __future__ import annotations

import math

from ocisize.model.sizes import Sizes
from ocisize.report.words.units import human_size

ABOUT = "≈ "


def human_download(sizes: Sizes) -> str:
    """The compressed size with a unit, after "≈" if it is an estimate; "?" if there is none.

    >>> import ocisize
    >>> human_download(ocisize.analyze("testdata/example.tar"))
    '1.59 MB'
    """
    is_estimate = sizes.compressed_size is None and sizes.estimated_compressed_size is not None
    return f"{ABOUT * is_estimate}{human_size(sizes.expected_compressed_size)}"


def describe_estimate(sizes: Sizes) -> str:
    """How the download was estimated, with the error of a sample in whole percent; "" if the download is no estimate.

    >>> import ocisize
    >>> from ocisize.values import evolve
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> unknown = evolve(analysis, compressed_size=None, estimated_compressed_size=1_530_000, estimate_error=0.017)
    >>> human_download(unknown), describe_estimate(unknown)
    ('≈ 1.53 MB', 'estimated from a sample, ± 2 %')
    """
    if sizes.compressed_size is not None or sizes.estimated_compressed_size is None:
        return ""
    if not sizes.estimate_error:
        return "estimated with gzip -6"
    return f"estimated from a sample, ± {math.ceil(100 * sizes.estimate_error)} %"
