"""read_layer: what a worker does with a task. Importable, so that any executor can call it in any process."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from ocisize.cache.disk import DiskCache
from ocisize.cache.store import Cache
from ocisize.errors import LayerError, OcisizeError, RegistryError
from ocisize.fleet.engine.borrowed import OpenedSource, borrow_source
from ocisize.fleet.engine.results import LayerProblem, LayerResult
from ocisize.fleet.engine.summary import LayerSummary, SummaryCache, make_summary, pack_summary
from ocisize.fleet.engine.tasks import LayerPlace, LayerTask, TaskOptions
from ocisize.layer.cache import LayerCache, pack_scan, scan_key
from ocisize.layer.pool import Stopped
from ocisize.layer.scan import LayerScan, scan_layer
from ocisize.layer.usage import RecordingMeter
from ocisize.limits import Tally
from ocisize.logs import Logger
from ocisize.tar.filetable import FileTable
from ocisize.text import printable
from ocisize.values import define, evolve

_ELSEWHERE = frozenset((401, 403, 404))  # statuses of a repository that say nothing about others of its registry

_log = Logger(__name__)
_stopped = threading.Event()
_is_stopped: Callable[[], bool] = _stopped.is_set  # a pool of processes has its own


def watch_stop(is_stopped: Callable[[], bool]) -> None:
    """End the reads of this process once ``is_stopped()`` is true."""
    global _is_stopped  # noqa: PLW0603 - a process is a worker of one pool
    _is_stopped = is_stopped


def read_layer(task: LayerTask, options: TaskOptions) -> LayerResult:
    """Return the result for one layer: from the cache, or read from the first place that has its blob.

    Nothing is raised but what ends the process: a problem is a value, so that the run goes on.
    """
    try:
        return _read(task, options)
    except OcisizeError as error:
        cause = error.cause if isinstance(error, LayerError) else error
        problem = LayerProblem(message=str(cause), hint=cause.hint or "")
    except Stopped:
        problem = LayerProblem(message="the run was interrupted")
    except Exception as error:  # a defect, or a system without memory: the others go on
        _log.info("layer %s: %r", task.digest, error)
        problem = LayerProblem(message=f"{type(error).__name__}: {error}"[:500])
    return LayerResult(digest=task.digest, size=task.size, problem=problem)


def _read(task: LayerTask, options: TaskOptions) -> LayerResult:
    store = find_shared_cache(options.cache_folder, options.cache_size, options.mark)
    if store is not None:
        scans = LayerCache(store, limits=options.limits)
        found = scans.find(task.layer, verify=False)
        if found is not None:
            return describe_cached(task, found.scan, find_summary(store, task, found.scan.table, options))
    read = _Read(task, options)
    scan = read.from_first_place()
    key, entry = read.pack(scan)
    result = LayerResult(
        digest=task.digest, size=task.size, key=key, rows=len(scan.table), is_verified=scan.digest_verified,
        fetched=read.fetched, entry=entry,
    )  # fmt: skip
    if store is None or not scan.digest_verified:
        return evolve(result, summary=make_summary(scan.table, options.catalog))
    store.put(key, entry)
    result = evolve(result, summary=find_summary(store, task, scan.table, options))
    return result if store.problem else evolve(result, entry=None)


def find_summary(store: Cache | None, task: LayerTask, table: FileTable, options: TaskOptions) -> LayerSummary:
    """Return the summary of a layer from the cache, or make and keep one."""
    known = None if store is None else SummaryCache(store, options.catalog, options.limits).find(task.digest)
    if known is not None:
        return known
    summary = make_summary(table, options.catalog)
    if store is not None:
        store.put(*pack_summary(task.digest, summary, options.catalog))
    return summary


def describe_cached(task: LayerTask, scan: LayerScan, summary: LayerSummary) -> LayerResult:
    """Return the result for a layer that the cache has."""
    return LayerResult(
        digest=task.digest, size=task.size, key=scan_key(task.layer), rows=len(scan.table), is_verified=True,
        was_cached=True, summary=summary,
    )  # fmt: skip


def sees_cache(options: TaskOptions) -> bool:
    """Return True if this process sees the cache of the collector."""
    return find_shared_cache(options.cache_folder, options.cache_size, options.mark) is not None


@functools.lru_cache(4)
def find_shared_cache(folder: str | None, max_size: int, mark: str) -> DiskCache | None:
    """Return the cache of the run, if this process sees the folder that the collector sees.

    The collector has put an entry under the key ``mark``: a worker on another machine, whose folder of the same name is
    another one, does not find it.
    """
    if folder is None or not mark:
        return None
    cache = DiskCache(folder, max_size=max_size)
    return cache if cache.get(mark) is not None else None


@define
class _Read:
    """The attempts to read one layer."""

    task: LayerTask
    options: TaskOptions
    fetched: int = 0  #: bytes of all attempts
    _meter: RecordingMeter | None = None

    def from_first_place(self) -> LayerScan:
        """Return the scan from the first place that has the blob; raises the error of the first place if none has."""
        if not self.task.places:
            raise OcisizeError("no reference names an image with this layer")
        failures: list[OcisizeError] = []
        failed: set[str] = set()  # stores that could not be read at all
        for place in self.task.places:
            if place.store in failed:
                continue
            try:
                return self._from_place(place)
            except OcisizeError as error:
                cause = error.cause if isinstance(error, LayerError) else error
                _log.info("layer %s from %s: %s", self.task.digest, printable(place.reference), cause)
                failures.append(cause)
                if not isinstance(cause, RegistryError) or cause.status not in _ELSEWHERE:
                    failed.add(place.store)
        raise failures[0]

    def _from_place(self, place: LayerPlace) -> LayerScan:
        options = self.options
        with borrow_source(place.reference, options.connection, options.limits) as opened:
            self._meter = RecordingMeter(Tally(options.limits, self.task.size))
            return self._scan(opened)

    def _scan(self, opened: OpenedSource) -> LayerScan:
        before = self.fetched

        def on_bytes(done: int) -> None:
            if _is_stopped():
                raise Stopped
            self.fetched = before + done

        layer = opened.find_layer(self.task.layer)
        # A plain layer in a file would be read in place, without the hashes of its files.
        return scan_layer(opened.source, layer, verify=opened.source.is_local, meter=self._meter, on_bytes=on_bytes)

    def pack(self, scan: LayerScan) -> tuple[str, bytes]:
        """Return the key and the entry of the scan."""
        assert self._meter is not None  # noqa: S101 - it was counted
        return pack_scan(self.task.layer, scan, self._meter.usage)
