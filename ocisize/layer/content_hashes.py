"""hash_alike: contents passed over in layers read in place that could equal others, read by offset and hashed."""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import attrs

from ocisize.errors import LayerError, OcisizeError
from ocisize.layer.scan import SMALL, LayerScan, hash_rows
from ocisize.oci.image import Layer
from ocisize.tar.filetable import FileTable, IntArray

Outcome: TypeAlias = "LayerScan | LayerError"  #: what became of a layer


@attrs.frozen
class _Part:
    """Some rows of a layer, for one thread."""

    layer: Layer
    scan: LayerScan
    rows: Sequence[int]


def hash_duplicate_candidates(
    layers: Sequence[Layer], outcomes: Sequence[Outcome], *, jobs: int, keep_going: bool = False
) -> list[Outcome]:
    """Hash what was passed over and could equal other contents of the image; ``outcomes`` are those of its ``layers``.

    Raises LayerError, of several the lowest layer's; with ``keep_going`` it takes the place of the layer's scan.
    """
    scans = [scan for scan in outcomes if isinstance(scan, LayerScan)]
    if all(scan.region is None for scan in scans):
        return list(outcomes)
    wanted = dict(zip(map(id, scans), candidate_rows([scan.table for scan in scans], SMALL), strict=True))
    pairs = {id(scan): (layer, scan) for layer, scan in zip(layers, outcomes, strict=True) if isinstance(scan, LayerScan)}
    parts = [
        _Part(layer, scan, wanted[key][start::jobs])
        for key, (layer, scan) in pairs.items()
        if scan.region is not None
        for start in range(jobs)
    ]
    broken = _hash(parts, jobs)
    if broken and not keep_going:
        raise min(broken.values(), key=lambda error: error.index)
    return [broken.get(id(outcome), outcome) for outcome in outcomes]


def _hash(parts: Sequence[_Part], jobs: int) -> dict[int, LayerError]:
    """Hash all parts at once; the errors by the identity of their scans."""
    stopped = threading.Event()

    def run(part: _Part) -> LayerError | None:
        assert part.scan.region is not None  # noqa: S101
        try:
            hash_rows(part.scan.region, part.scan.table, part.rows, stopped)
        except OcisizeError as error:
            return LayerError(part.layer.index, part.layer.descriptor.digest, error)
        return None

    pool = ThreadPoolExecutor(jobs, "ocisize")
    try:
        errors = list(pool.map(run, parts))
    finally:
        stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return {id(part.scan): error for part, error in zip(parts, errors, strict=True) if error is not None}


def candidate_rows(tables: Sequence[FileTable], above: int = 0) -> list[IntArray]:
    """Per table, the rows of more than ``above`` bytes whose content could equal another's: of a size that stands twice."""
    counts = Counter(size for table in tables for size in table.sizes if size > above)  # only regular files have a size
    often = {size for size, count in counts.items() if count > 1}
    return [array("q", [row for row, size in enumerate(table.sizes) if size in often]) for table in tables]
