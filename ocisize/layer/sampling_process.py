"""ProcessSampler: samples layers in another Python process, which shares the open file and writes estimates to a pipe.

The request is a list of integers, the answer one line for each layer; both sides import little, since the time to start the
process is time in which nothing is sampled.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain

from ocisize.blob.region import FileRegion
from ocisize.layer.sampler import ThreadSampler
from ocisize.layer.sampling import BlockPlan, SizeEstimate, plan_blocks, sample_layer

_MAX_REQUEST = 100_000  # characters of an argument; Linux allows 131,071 bytes
_CODE = """\
import sys
sys.path[:] = sys.argv[2:]
from ocisize.layer.sampling_process import answer
answer(sys.argv[1])
"""


class ProcessSampler:
    """Samples ``regions``, at least one and all of one descriptor, in another process, which starts at once.

    Other layers are sampled in threads, and all layers are if the process cannot be started or fails.
    """

    def __init__(self, regions: Sequence[FileRegion], *, jobs: int, image_size: int, layer_count: int) -> None:
        self._in_threads = ThreadSampler(jobs=jobs, image_size=image_size, layer_count=layer_count)
        self._descriptor = regions[0].descriptor
        places = list(dict.fromkeys((region.offset, region.size) for region in regions))
        self._order = {place: index for index, place in enumerate(places)}
        self._process = _spawn(self._descriptor, " ".join(map(str, [image_size, layer_count, *chain.from_iterable(places)])))

    def close(self) -> None:
        """End the process and the threads."""
        if self._process is not None:
            self._process.close()
        self._in_threads.close()

    def plan(self, size: int) -> BlockPlan:
        """The blocks of a layer of ``size`` bytes."""
        return self._in_threads.plan(size)

    def start(self, region: FileRegion) -> Callable[[], SizeEstimate]:
        """Start to sample a layer, see ``Sampler``; the process has started already."""
        index = self._order.get((region.offset, region.size)) if region.descriptor == self._descriptor else None
        if self._process is None or index is None:
            return self._in_threads.start(region)
        process = self._process

        @cache
        def wait() -> SizeEstimate:
            estimates = process.read_estimates()
            return estimates[index] if len(estimates) > index else self._in_threads.start(region)()

        return wait


class _Process:
    """A process that samples, until it is closed."""

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid, self._pipe = pid, pipe
        self._estimates: Sequence[SizeEstimate] | None = None

    def read_estimates(self) -> Sequence[SizeEstimate]:
        """Wait for the estimates of all regions; none if the process failed."""
        if self._estimates is None:
            with open(self._pipe, "rb", closefd=False) as file:
                lines = file.read().split(b"\n")
            try:
                self._estimates = [SizeEstimate(int(size), float(error)) for size, error in map(bytes.split, lines[:-1])]
            except ValueError:  # the program has an interpreter of Python in it, but is another program
                self._estimates = []
        return self._estimates

    def close(self) -> None:
        """End the process, unless it has ended: another process may have its number then."""
        with suppress(ChildProcessError, ProcessLookupError):  # the program ignores the ends of its processes
            if os.waitpid(self._pid, os.WNOHANG) == (0, 0):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
        os.close(self._pipe)


def _spawn(descriptor: int, request: str) -> _Process | None:
    """Start a process that calls ``answer``; None if the system cannot, or if the program is no Python interpreter."""
    if not hasattr(os, "posix_spawn") or not sys.executable or hasattr(sys, "frozen") or len(request) > _MAX_REQUEST:
        return None
    command = [sys.executable, *_interpreter_options(), "-c", _CODE, request, *sys.path]
    reading, writing = os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, descriptor, 0),
        (os.POSIX_SPAWN_DUP2, writing, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),  # of a process that fails, the fallback has the words
    ]
    try:
        return _Process(os.posix_spawn(sys.executable, command, os.environ, file_actions=actions), reading)
    except (OSError, TypeError, ValueError):  # the last two: an entry of sys.path that is no argument of a process
        os.close(reading)
        return None
    finally:
        os.close(writing)


def _interpreter_options() -> list[str]:
    """The options of this interpreter that say what it may import and write."""
    flags = sys.flags
    given = {"-B": sys.dont_write_bytecode, "-E": flags.ignore_environment, "-I": flags.isolated, "-s": flags.no_user_site}
    return [option for option, is_given in given.items() if is_given]


def answer(request: str) -> None:
    """Sample the regions of standard input that the request names, and write their estimates to standard output."""
    image_size, layer_count, *places = map(int, request.split())
    lines = []
    for offset, size in zip(places[::2], places[1::2], strict=True):
        estimate = sample_layer(FileRegion(0, offset, size), plan_blocks(size, image_size, layer_count))
        lines.append(f"{estimate.size} {estimate.error!r}\n")
    sys.stdout.write("".join(lines))
