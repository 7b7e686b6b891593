"""read_layers: all layers of an image, several at once, in order; and what becomes of the others when one fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TypeAlias, TypeVar

from ocisize.errors import LayerError, LimitExceeded, RegistryError
from ocisize.oci.image import Layer
from ocisize.oci.source import ImageSource

T = TypeVar("T")
_LIMITS_OF_ONE = ("layer_size", "zstd_window")
Check: TypeAlias = Callable[[], None]  #: to be called now and then; raises Stopped


class Stopped(Exception):
    """Ends the reading of a layer whose result nobody waits for any more."""


class CallbackFailed(Exception):
    """Takes what a callback raised past readers of bytes, to whom a ValueError means that the bytes are bad."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class _Attempt:
    """Which layers are still waited for, and the errors that ended the wait for the others."""

    def __init__(self, *, keep_going: bool) -> None:
        self.last: float = float("inf")
        self.broken: list[LayerError] = []
        self._keep_going = keep_going
        self._lock = threading.Lock()

    def check(self, index: int) -> None:
        if index > self.last:
            raise Stopped

    def stop(self, above: int, error: LayerError | None = None) -> None:
        """Wait for layers up to this one only.

        The error is told first: others that see the wait end may end before the thread that raises it.
        """
        with self._lock:
            self.broken += [error] if error is not None else []
            self.last = min(self.last, above)

    def raise_lowest(self) -> None:
        """Raise the error of the lowest layer, if there is one."""
        if self.broken:
            raise min(self.broken, key=lambda error: error.index)

    def attempt(self, layer: Layer, read: Callable[[Layer, Check], T]) -> T | LayerError:
        """Read a layer. Its LayerError is returned when the round keeps going, else it ends what need not be read now."""
        self.check(layer.index)
        try:
            return read(layer, lambda: self.check(layer.index))
        except CallbackFailed as failed:
            raise failed.error from None
        except LayerError as error:
            if self._keep_going and not _concerns_all(error):
                return error
            ends_all = isinstance(error.cause, RegistryError) or _concerns_all(error)
            self.stop(-1 if ends_all else layer.index, error)
            raise


def _concerns_all(error: LayerError) -> bool:
    """Whether a limit on all layers together was met: the others could only add to it."""
    return isinstance(error.cause, LimitExceeded) and error.cause.limit not in _LIMITS_OF_ONE


def read_layers(
    source: ImageSource, layers: Sequence[Layer], read: Callable[[Layer, Check], T], *, jobs: int, keep_going: bool = False
) -> list[T | LayerError]:
    """``read`` every layer, largest first so that the last ones to finish are small; results in the order of layers.

    Of broken layers the lowest is the one whose LayerError is raised, however many are read at once, so those below a
    broken one are read to their end. Where a registry fails, a limit on all layers is met, or anything that is no LayerError
    is raised, all ends at once.
    With ``keep_going`` LayerErrors are results. No thread is left behind, nor a connection in use: when reading ends early,
    ``source.abort()`` ends what other threads wait for.
    """
    round_ = _Attempt(keep_going=keep_going)
    if source.sequential:
        return _read_in_turn(source, layers, read, round_)
    pool = ThreadPoolExecutor(jobs, "ocisize")
    ended = False
    try:
        by_size = sorted(layers, key=lambda layer: (-layer.descriptor.size, layer.index))
        futures = {layer.index: pool.submit(round_.attempt, layer, read) for layer in by_size}
        _wait(futures, round_)
        ended = True
        return [futures[layer.index].result() for layer in layers]
    finally:
        round_.stop(-1)
        if not ended:
            source.abort()  # threads that wait for a silent server see no other sign
        pool.shutdown(wait=True, cancel_futures=True)


def _wait(futures: Mapping[int, Future[T]], round_: _Attempt) -> None:
    """Wait for all layers that count; raise the error of the lowest."""
    while True:
        ended = {index: future for index, future in futures.items() if future.done()}
        for future in ended.values():
            if (error := future.exception()) and not isinstance(error, LayerError | Stopped):
                raise error
        pending = [future for index, future in futures.items() if index <= round_.last and index not in ended]
        if not pending:
            break
        wait(pending, return_when=FIRST_EXCEPTION)
    round_.raise_lowest()


def _read_in_turn(
    source: ImageSource, layers: Sequence[Layer], read: Callable[[Layer, Check], T], round_: _Attempt
) -> list[T | LayerError]:
    """Read layers one after the other, in the order they are stored."""
    found: dict[int, T | LayerError] = {}
    for layer in sorted(layers, key=lambda layer: source.blob_position(layer.descriptor)):
        if layer.index <= round_.last:
            with suppress(LayerError):  # lower ones may follow
                found[layer.index] = round_.attempt(layer, read)
    round_.raise_lowest()
    return [found[layer.index] for layer in layers]
