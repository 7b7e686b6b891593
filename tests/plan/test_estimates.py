"""The share of files in the estimated download of an uncompressed layer."""

from __future__ import annotations

import io

import pytest

from ocisize.plan.estimates import FileEstimates
from ocisize.tar.scanner import scan_tar
from tests.images import Entries, tar_bytes

FILES: Entries = {"a.deb": b"1" * 600, "app/.git/objects/ab/cd": b"2" * 200, "text": b"3" * 1000, "more": b"4" * 200}


@pytest.mark.parametrize(
    ("estimated", "rows", "expected"),
    [
        (1100, [0], 600), (1100, [1], 200), (1100, [2], 250), (1100, [3], 50), (1100, [0, 1, 2, 3], 1100),
        (400, [0, 1], 400), (400, [2], 20), (2000, [2], 1000),
    ],
)  # fmt: skip
def test_shares_of_an_estimate(estimated: int, rows: list[int], expected: int) -> None:
    """Compressed files count in full, as far as the estimate allows; the others share the rest by their sizes."""
    table = scan_tar(io.BytesIO(tar_bytes(FILES)))
    assert FileEstimates(table, estimated).sum_of(rows) == expected


def test_a_layer_without_files() -> None:
    """Nothing takes nothing."""
    assert FileEstimates(scan_tar(io.BytesIO(tar_bytes({}))), 0).sum_of([]) == 0
