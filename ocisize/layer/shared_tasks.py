"""SharedTasks: numbered tasks that a process and its forks take in turn, and the results of the forks.

No lock is needed: the numbers are in a pipe that is filled before, and each read takes one of them out. A result is pickled
into a file in memory, one for each fork, since a fork would wait for a pipe that nobody reads yet; only its place goes
through a pipe.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from io import BufferedReader, RawIOBase
from struct import Struct
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_TASKS = 1024  #: of one set, so that their numbers fit into a pipe of one page
_NUMBER = Struct("<I")
_PLACE = Struct("<IIQQ")  # fork, task, offset and end of the pickle in the file of the fork


class _Part(RawIOBase):
    """Some bytes of a file, read by offset, since forks share the position; a map of the file would count as memory."""

    def __init__(self, descriptor: int, start: int, end: int) -> None:
        self._descriptor, self._position, self._end = descriptor, start, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = os.preadv(self._descriptor, [buffer[: self._end - self._position]], self._position)
        self._position += count
        return count


class SharedTasks(Generic[T]):
    """``count`` tasks, at most ``MAX_TASKS``, for this process and ``forks`` forks of it that are made afterwards.

    Raises OSError if the system has no pipe or no memory for it.

    >>> import os
    >>> tasks = SharedTasks(3, forks=1)
    >>> if (pid := os.fork()) == 0:
    ...     tasks.work(0, str)
    ...     os._exit(0)
    >>> tasks.share()
    >>> _ = os.waitpid(pid, 0)
    >>> tasks.take() is None, sorted(tasks.results())
    (True, [(0, '0'), (1, '1'), (2, '2')])
    >>> tasks.close()
    """

    def __init__(self, count: int, *, forks: int) -> None:
        self._open, self._parent = set[int](), os.getpid()
        try:
            self._numbers, numbers = self._pipe()
            os.write(numbers, b"".join(map(_NUMBER.pack, range(count))))
            self._close(numbers)
            self._places, self._writing = self._pipe()
            self._files = [self._make_file() for _ in range(forks)]
        except OSError:
            self.close()
            raise

    def take(self) -> int | None:
        """The number of a task that no process has taken, which this one is to do; None if there is no more."""
        number = os.read(self._numbers, _NUMBER.size)
        return int(_NUMBER.unpack(number)[0]) if number else None

    def work(self, fork: int, do: Callable[[int], T]) -> None:
        """In a fork: do tasks until none is left; an error of ``do`` ends the fork, and its task has no result."""
        with open(self._files[fork], "wb", closefd=False) as file:
            start = 0
            while os.getppid() == self._parent and (number := self.take()) is not None:  # else nobody takes the results
                pickle.dump(do(number), file, protocol=5)
                file.flush()
                os.write(self._writing, _PLACE.pack(fork, number, start, start := file.tell()))
        self.close()  # the reader waits for the last fork that may still write

    def share(self) -> None:
        """In the process, when all forks are made: leave the writing of results to them."""
        self._close(self._writing)

    def results(self) -> Iterator[tuple[int, T]]:
        """The numbers and the results of tasks that forks did, as they come; waits for all forks to end their work.

        A task of a fork that failed is not among them.
        """
        while place := os.read(self._places, _PLACE.size):
            fork, number, start, end = _PLACE.unpack(place)
            with BufferedReader(_Part(self._files[fork], start, end)) as file:
                yield number, pickle.load(file)  # noqa: S301 - written by a fork of this process

    def close(self) -> None:
        """Close the pipes and free the memory; may be called again."""
        for descriptor in [*self._open]:
            self._close(descriptor)

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._open.update(ends)
        return ends

    def _make_file(self) -> int:
        descriptor = os.memfd_create("ocisize", os.MFD_CLOEXEC)
        self._open.add(descriptor)
        return descriptor

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)
