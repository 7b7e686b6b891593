"""read_layers: calls a function for all layers of an image, in threads, and ends the other calls when one fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ocisize.errors import ArchiveError, ForeignLayerAbsent, LayerError, LimitExceeded, RegistryError
from ocisize.oci.image import Layer
from ocisize.oci.source import ImageSource

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

T = TypeVar("T")
LIMITS_PER_LAYER = ("layer_size", "zstd_window")  #: others are on all layers together
Check: TypeAlias = Callable[[], None]  #: to be called while a layer is read; raises Stopped when its result is not needed


class Stopped(Exception):
    """Ends the read of a layer whose result is not needed any more."""


class CallbackFailed(Exception):
    """Carries the error of a callback through readers of bytes, which take a ValueError for malformed bytes."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class _Attempt:
    """The state of one call of ``read_layers``: which layers are still needed, and the errors so far."""

    def __init__(self, *, keep_going: bool) -> None:
        self.last_needed: float = float("inf")  # the index of a layer: those above are not needed
        self.errors: list[LayerError] = []
        self._keep_going = keep_going
        self._lock = threading.Lock()

    def check(self, index: int) -> None:
        """Raise Stopped if the layer with this index is not needed any more."""
        if index > self.last_needed:
            raise Stopped

    def stop(self, last_needed: int, error: LayerError | None = None) -> None:
        """Stop the reads of all layers above ``last_needed``, because of ``error``.

        Append the error before lowering ``last_needed``: other threads stop as soon as they see ``last_needed``, and the
        waiting thread must find the error then.
        """
        with self._lock:
            self.errors += [error] if error is not None else []
            self.last_needed = min(self.last_needed, last_needed)

    def raise_lowest(self) -> None:
        """Raise the error of the lowest layer that has one."""
        if self.errors:
            raise min(self.errors, key=lambda error: error.index)

    def run(self, layer: Layer, read: Callable[[Layer, Check], T]) -> T | LayerError:
        """Read a layer; with ``keep_going`` return its LayerError, else raise it and stop the reads it makes useless."""
        self.check(layer.index)
        try:
            return read(layer, lambda: self.check(layer.index))
        except CallbackFailed as failed:
            raise failed.error from None
        except LayerError as error:
            if isinstance(error.cause, ForeignLayerAbsent) or (self._keep_going and not is_shared_limit(error)):
                return error
            ends_all = isinstance(error.cause, RegistryError) or is_shared_limit(error)
            self.stop(-1 if ends_all else layer.index, error)
            raise


def is_shared_limit(error: LayerError) -> bool:
    """Whether a limit on all layers together was exceeded, so that further layers can only exceed it more."""
    return isinstance(error.cause, LimitExceeded) and error.cause.limit not in LIMITS_PER_LAYER


def read_layers(
    source: ImageSource,
    layers: Sequence[Layer],
    read: Callable[[Layer, Check], T],
    *,
    jobs: int,
    keep_going: bool = False,
    in_turn: bool = False,
    order: Iterable[Layer] | None = None,
    executor: Executor | None = None,
) -> list[T | LayerError]:
    """Call ``read`` for every layer and return the results in the order of ``layers``.

    ``read(layer, check)`` must call ``check()`` now and then, which raises Stopped. Layers are read ``jobs`` at once, the
    largest first, so that the last reads to end are short; a sequential source is read in the order of its blobs instead, in
    this thread, and so are all with ``in_turn``. With ``order``, which has all layers, they are read as it yields them, in
    this thread.
    ``executor`` runs the reads, in threads of this process; it stays open. By default ``jobs`` threads are started, and end
    before this function returns or raises.

    Raises LayerError, always that of the lowest broken layer: the layers below a broken one are read to their end first.
    When the error is the registry's, a limit on all layers together is exceeded, or the error is not a LayerError,
    all reads end at once. With ``keep_going`` LayerErrors are results, except for such limits; the error of a foreign layer
    that the source does not have always is one. When reading ends early,
    ``source.abort()`` ends the reads of other threads that wait for bytes.

    >>> from ocisize.blob.digest import digest_of
    >>> from ocisize.oci.documents import Descriptor
    >>> from ocisize.oci.source import complete_source
    >>> source = complete_source(object())  # nothing is read from it
    >>> layers = [Layer(index, Descriptor(digest_of(b"%d" % index), size), None) for index, size in enumerate([10, 30, 20])]
    >>> read_layers(source, layers, lambda layer, check: layer.descriptor.size, jobs=2)
    [10, 30, 20]
    """
    attempt = _Attempt(keep_going=keep_going)
    if order is None and (source.sequential or in_turn):
        order = sorted(layers, key=lambda layer: _position(source, layer))  # in which the source stores them
    if order is not None:
        return _read_in_order(order, layers, read, attempt)
    from concurrent.futures import ThreadPoolExecutor, wait

    running_executor = executor or ThreadPoolExecutor(jobs, "ocisize")
    futures: dict[int, Future[T | LayerError]] = {}
    ended = False
    try:
        for layer in sorted(layers, key=lambda layer: (-layer.descriptor.size, layer.index)):
            futures[layer.index] = running_executor.submit(attempt.run, layer, read)
        _wait(futures, attempt)
        ended = True
        return [futures[layer.index].result() for layer in layers]
    finally:
        attempt.stop(-1)
        try:
            if not ended:
                source.abort()  # the only signal for a thread that waits for a silent server
        finally:
            if executor is None:
                running_executor.shutdown(cancel_futures=True)
            else:
                wait([future for future in futures.values() if not future.cancel()])


def _wait(futures: Mapping[int, Future[T]], attempt: _Attempt) -> None:
    """Wait for all layers that are needed. Raises the error of the lowest layer, and any other error at once."""
    from concurrent.futures import FIRST_EXCEPTION, wait

    while True:
        ended = {index: future for index, future in futures.items() if future.done()}
        for future in ended.values():
            if (error := future.exception()) and not isinstance(error, LayerError | Stopped):
                raise error
        pending = [future for index, future in futures.items() if index <= attempt.last_needed and index not in ended]
        if not pending:
            break
        wait(pending, return_when=FIRST_EXCEPTION)
    attempt.raise_lowest()


def _read_in_order(
    order: Iterable[Layer], layers: Sequence[Layer], read: Callable[[Layer, Check], T], attempt: _Attempt
) -> list[T | LayerError]:
    """Read layers one after the other; ``order`` has all of ``layers``."""
    results: dict[int, T | LayerError] = {}
    for layer in order:
        if layer.index <= attempt.last_needed:
            with suppress(LayerError):  # lower layers may come later
                results[layer.index] = attempt.run(layer, read)
    attempt.raise_lowest()
    return [results[layer.index] for layer in layers]


def _position(source: ImageSource, layer: Layer) -> int:
    """Return the place of a layer in the order of reading; a layer that is missing, which reading it reports, is first."""
    try:
        return source.blob_position(layer.descriptor)
    except ArchiveError:
        return -1
