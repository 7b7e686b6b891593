"""Content hashes of layers read in place: only files that could be duplicates are read, by offset, and hashed.

A scan in place passes over large files. Two files can only be equal when their sizes are, so a file of a size that no
other file of the image has is never read.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ocisize.errors import LayerError, OcisizeError
from ocisize.layer.payloads import hash_payloads
from ocisize.layer.scan import MAX_HASHED_IN_PLACE, LayerScan
from ocisize.oci.image import Layer
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

Outcome: TypeAlias = "LayerScan | LayerError"  #: the result of reading one layer


class _Task(NamedTuple):
    """Some rows of a layer, for one thread to hash."""

    layer: Layer
    scan: LayerScan
    rows: Sequence[int]


def hash_duplicate_candidates(
    layers: Sequence[Layer], outcomes: Sequence[Outcome], *, jobs: int, keep_going: bool = False
) -> list[Outcome]:
    """The outcomes of an image's layers, with the hashes of all files that could equal another file of the image.

    ``outcomes`` are those of ``layers``, one for each, and stay as they are; a layer that was not read in place, or has no
    candidates, comes back as the same object. Files are hashed in ``jobs`` threads.
    Raises LayerError when a file cannot be read, of several errors the lowest layer's; with ``keep_going`` the error
    becomes the layer's outcome.
    """
    scans = [outcome for outcome in outcomes if isinstance(outcome, LayerScan)]
    if all(scan.region is None for scan in scans):
        return list(outcomes)

    # A layer that an image has twice is one scan: it is hashed once, by its identity, and errors name its lower place.
    candidates = candidate_rows([scan.table for scan in scans], MAX_HASHED_IN_PLACE)
    rows_of_scan = dict(zip(map(id, scans), candidates, strict=True))
    layer_of_scan: dict[int, Layer] = {}
    for layer, outcome in zip(layers, outcomes, strict=True):
        layer_of_scan.setdefault(id(outcome), layer)
    tasks = [
        _Task(layer_of_scan[key], scan, rows_of_scan[key][start::jobs])
        for key, scan in {id(scan): scan for scan in scans if scan.region is not None}.items()
        for start in range(jobs)
    ]

    replaced = _combine(tasks, _run(tasks, jobs))
    errors = [outcome for outcome in replaced.values() if isinstance(outcome, LayerError)]
    if errors and not keep_going:
        raise min(errors, key=lambda error: error.index)
    return [replaced.get(id(outcome), outcome) for outcome in outcomes]


def _run(tasks: Sequence[_Task], jobs: int) -> list[bytes | LayerError]:
    """The hashes of each task's rows, or its error; no thread is left when this returns or raises."""
    stopped = threading.Event()

    def run(task: _Task) -> bytes | LayerError:
        assert task.scan.region is not None  # noqa: S101
        try:
            return hash_payloads(task.scan.region, task.scan.table, task.rows, stopped)
        except OcisizeError as error:
            return LayerError(task.layer.index, task.layer.descriptor.digest, error)

    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(jobs, "ocisize")
    try:
        return list(pool.map(run, tasks))
    finally:
        stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _combine(tasks: Sequence[_Task], results: Sequence[bytes | LayerError]) -> Mapping[int, Outcome]:
    """By identity of the scan: the scan with its new hashes, or the error of one of its tasks."""
    scans = {id(task.scan): task.scan for task in tasks}
    hashes: dict[int, list[tuple[Sequence[int], bytes]]] = {key: [] for key in scans}
    errors: dict[int, Outcome] = {}
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, LayerError):
            errors[id(task.scan)] = result
        elif result:
            hashes[id(task.scan)].append((task.rows, result))
    hashed = {
        key: evolve(scan, table=scan.table.with_hashes(hashes[key]))
        for key, scan in scans.items()
        if hashes[key] and key not in errors
    }
    return {**hashed, **errors}


def candidate_rows(tables: Sequence[FileTable], above: int = 0) -> list[IntArray]:
    """Per table, the rows of files larger than ``above`` bytes whose size at least two rows of the tables have.

    Only these files can equal another one. Rows of sparse files are left out: they are hashed while their layer is scanned.

    >>> import io, tarfile
    >>> from ocisize.tar.scanner import scan_tar
    >>> file = io.BytesIO()
    >>> with tarfile.open(fileobj=file, mode="w") as tar:
    ...     for name, content in (("a", b"one"), ("b", b"four"), ("c", b"two")):
    ...         info = tarfile.TarInfo(name)
    ...         info.size = len(content)
    ...         tar.addfile(info, io.BytesIO(content))
    >>> [list(rows) for rows in candidate_rows([scan_tar(io.BytesIO(file.getvalue()))])]
    [[0, 2]]
    """
    # only regular files have a size
    large = [[(row, size) for row, size in enumerate(table.sizes) if size > above] for table in tables]
    counts = Counter(size for rows in large for _, size in rows)
    return [
        array("q", [row for row, size in rows if counts[size] > 1 and row not in table.stored_sizes])
        for table, rows in zip(tables, large, strict=True)
    ]
