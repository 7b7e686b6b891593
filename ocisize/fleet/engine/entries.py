"""Entries: the scans of a fleet's layers, in the cache and in a folder of this run."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from ocisize.cache.disk import DiskCache
from ocisize.cache.store import Cache, discard
from ocisize.errors import EntryLost
from ocisize.fleet.engine.borrowed import close_idle
from ocisize.fleet.engine.results import LayerResult
from ocisize.fleet.engine.summary import pack_summary
from ocisize.fleet.engine.tasks import LayerTask
from ocisize.layer.cache import LayerCache, scan_key
from ocisize.layer.scan import LayerScan
from ocisize.limits import Limits
from ocisize.rules.rule import Catalog
from ocisize.values import define, field

if TYPE_CHECKING:
    from types import TracebackType

_MAX_SCRATCH = 1 << 62  # bytes: the folder of a run has no limit but the disk
_NO_ROOM = "use the cache, or set TMPDIR to a folder with more room"


@define
class Entries:
    """Where the scans of a run are; a context manager that removes what belongs to the run alone.

    The cache keeps what holds for every image. What was not verified, and everything if there is no cache or if it has lost
    an entry, is in a temporary folder until the end of the run.
    """

    cache: Cache | None
    limits: Limits = field(factory=Limits)
    #: reads a layer again whose entry the cache has lost, because it has reached its size; returns its result
    reread: Callable[[LayerTask], LayerResult] | None = None
    lost: int = 0  #: entries that were read again
    _folder: tempfile.TemporaryDirectory[str] | None = field(default=None, init=False)
    _scratch: DiskCache | None = field(default=None, init=False)
    _mark: str = field(default="", init=False)

    def __enter__(self) -> Entries:  # noqa: PYI034 - Self is new in Python 3.11
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder of the run, and close the sources that tasks in this process have left open."""
        close_idle()
        if self._mark and self.cache is not None:
            discard(self.cache, self._mark)
        self._mark = ""
        if self._folder is not None:
            self._folder.cleanup()
        self._folder = self._scratch = None

    def put_mark(self) -> str:
        """Put an entry into the cache that only workers with the same folder find; return its key, "" without a folder."""
        if isinstance(self.cache, DiskCache) and self.cache.folder is not None and not self._mark:
            self._mark = f"runs-v1/{secrets.token_hex(16)}"
            self.cache.put(self._mark, b"")
        return self._mark

    def find_cached(self, task: LayerTask) -> LayerScan | None:
        """Return the scan of a layer from the cache, None if it is not kept."""
        if self.cache is None:
            return None
        found = LayerCache(self.cache, limits=self.limits).find(task.layer, verify=False)
        return None if found is None else found.scan

    def keep(self, result: LayerResult, catalog: Catalog | None = None) -> None:
        """Keep the entry that a worker has sent, if it has sent one, and the summary by the rules of ``catalog``.

        Raises EntryLost if there is no temporary folder for what the cache does not keep.
        """
        if result.entry is None:
            return
        if self.cache is not None and result.is_verified:
            self.cache.put(result.key, result.entry)
            if result.summary is not None:
                self.cache.put(*pack_summary(result.digest, result.summary, catalog))
            if not isinstance(self.cache, DiskCache) or not self.cache.problem:
                return
        self._open_scratch().put(result.key, result.entry)

    def load(self, task: LayerTask) -> LayerScan:
        """Return the scan of a layer that was read in this run; raises EntryLost."""
        for store in (self._scratch, self.cache):
            if store is not None:
                found = LayerCache(store, limits=self.limits).find(task.layer, verify=False)
                if found is not None:
                    return found.scan
        if self.reread is not None:
            result = self.reread(task)
            if result.entry is not None:
                self.lost += 1
                self._open_scratch().put(result.key, result.entry)
                found = LayerCache(self._open_scratch(), limits=self.limits).find(task.layer, verify=False)
                if found is not None:
                    return found.scan
        if self._scratch is not None and self._scratch.problem:
            raise EntryLost(f"layer {task.digest} cannot be kept: {self._scratch.problem}", hint=_NO_ROOM)
        raise EntryLost(f"the cache has lost layer {task.digest}", hint="raise OCISIZE_CACHE_MAX_SIZE")

    def read_entry(self, task: LayerTask) -> bytes:
        """Return the stored form of a scan; raises EntryLost."""
        key = scan_key(task.layer)
        for store in (self._scratch, self.cache):
            entry = None if store is None else store.get(key)
            if entry is not None:
                return entry
        raise EntryLost(f"the cache has lost layer {task.digest}")

    def _open_scratch(self) -> DiskCache:
        """The folder of the run; raises EntryLost if it cannot be made: what is not verified never goes to the cache."""
        if self._scratch is None:
            try:
                self._folder = tempfile.TemporaryDirectory(prefix="ocisize-fleet-")
            except OSError as error:
                raise EntryLost(f"no temporary folder can be made: {error.strerror or error}", hint=_NO_ROOM) from error
            self._scratch = DiskCache(self._folder.name, max_size=_MAX_SCRATCH)
        return self._scratch
