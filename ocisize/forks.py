"""Forks: copies of this process that work beside it, since threads of Python wait for one interpreter lock.

A fork shares all that is imported, open and computed, and takes a few milliseconds. Its result comes back as a pickle in a
file in memory. If a fork fails, or is killed, the process does the work itself, so that errors and results are those of one
process.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from typing import Protocol

    class Start(Protocol):
        """Starts a call of a function without arguments, and returns a function that waits for its result, once."""

        def __call__(self, function: Callable[[], T], /) -> Callable[[], T]: ...


#: The names of threads that may run while the process forks: a fork uses nothing that they lock, as it writes to no stream.
HARMLESS_THREADS = frozenset(("ocisize-interrupts", "ocisize-progress"))


def start_here(function: Callable[[], T], /) -> Callable[[], T]:
    """A ``Start`` that calls the function at once, in this process.

    >>> wait = start_here(lambda: 6 * 7)
    >>> wait()
    42
    """
    result = function()
    return lambda: result


class Forks:
    """Forks that make calls, until it is closed; the functions must return values that can be pickled.

    >>> forks = Forks()
    >>> wait = forks.start(os.getpid)
    >>> wait() == os.getpid()
    False
    >>> forks.close()
    """

    def __init__(self) -> None:
        self._files: dict[int, BinaryIO] = {}  # for results, by the number of the fork

    def start(self, function: Callable[[], T], /) -> Callable[[], T]:
        """Start a call, see ``Start``; it is made in this process if the system cannot fork."""
        import pickle  # takes longer than a small image

        try:
            file = open(os.memfd_create("ocisize", os.MFD_CLOEXEC), "w+b")  # noqa: SIM115 - closed when it was read
        except OSError:
            return start_here(function)

        def work() -> None:
            pickle.dump(function(), file, protocol=5)
            file.flush()

        pid = 0

        def note(number: int) -> None:
            nonlocal pid
            pid = number
            self._files[pid] = file

        try:
            fork(work, note)
        except OSError:
            file.close()
            return start_here(function)

        def wait() -> T:
            with file, suppress(EOFError, pickle.UnpicklingError):  # of a fork that failed
                with suppress(ChildProcessError):  # the program ignores the ends of its processes
                    os.waitpid(pid, 0)
                del self._files[pid]
                file.seek(0)
                result: T = pickle.load(file)  # noqa: S301 - written by a fork of this process
                return result
            return function()

        return wait

    def close(self) -> None:
        """End the forks for which nobody has waited."""
        end_forks(self._files)
        while self._files:
            self._files.popitem()[1].close()


@contextmanager
def forking(*, enabled: bool) -> Iterator[Start]:
    """A ``Start`` whose forks end with the block; it makes calls here if not ``enabled``, or if nothing can fork."""
    if not enabled or not can_fork():
        yield start_here
        return
    with closing(Forks()) as forks:
        yield forks.start


def can_fork() -> bool:
    """Whether this process can fork: the system has files in memory, and no other thread may hold a lock."""
    others = {thread.name for thread in threading.enumerate() if thread is not threading.current_thread()}
    in_main = threading.current_thread() is threading.main_thread()  # another one may not set the handlers of signals
    return in_main and others <= HARMLESS_THREADS and hasattr(os, "memfd_create") and _knows_all_threads()


def _knows_all_threads() -> bool:
    """Whether the system has no threads but those of Python, such as those of a library in C."""
    with suppress(OSError), os.scandir("/proc/self/task") as tasks:
        return sum(1 for _ in tasks) == threading.active_count()
    return False


def fork(work: Callable[[], object], note: Callable[[int], object]) -> None:
    """Make a fork of this process that calls a function and ends, without the handlers and buffers of the program.

    ``note`` is called with the number of the fork, before Ctrl-C can raise an error. Raises OSError if the system cannot
    fork.
    """
    import warnings

    held: list[int] = []  # a mask would not do: another thread may take the signal
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 on, about the threads that may run
            pid = os.fork()
        if pid == 0:
            _work(work, is_interruptible=before is not signal.SIG_IGN)
        note(pid)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
        if held:
            signal.raise_signal(signal.SIGINT)


def _work(work: Callable[[], object], *, is_interruptible: bool) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_DFL if is_interruptible else signal.SIG_IGN)
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        gc.disable()  # a search for garbage writes to all pages that are shared
        if logging := sys.modules.get("logging"):
            logging.disable()  # a thread that draws may have locked the stream
        work()
    finally:
        os._exit(0)


def end_forks(pids: Iterable[int]) -> None:
    """End forks of this process, except those that have ended: other processes may have their numbers then."""
    for pid in pids:
        with suppress(ChildProcessError, ProcessLookupError):  # the program ignores the ends of its processes
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
