"""The process that reads the corpus: it forks for every case, and holds each child to memory, processor time and a clock.

``python -m tests.corpus.harness FOLDER`` takes command lines on standard input, each as a line of JSON, and answers each with
a line of JSON: the outcome. Limits are those of the harness, not of ocisize: a case that meets them has failed.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import ocisize.analyzer
import ocisize.sources.registry.source  # noqa: F401 - for the children
from ocisize.cache.folder import FOLDER_VARIABLE
from ocisize.rules.load import load_catalog
from ocisize.cli.main import main

MEMORY = 500 << 20  #: bytes of data, which the heap, threads and buffers are
SECONDS = 40  #: of a processor; the archive with the highest ratio takes half of them from a pipe
_CLOCK = 300  #: seconds until a child that waits for something is ended
CRASHED = 70
_EXAMPLE = Path(__file__).parent.parent.parent / "testdata" / "example.tar"


def run(arguments: Sequence[str], folder: Path) -> dict[str, object]:
    """Run one command line in a child; what it wrote, how it ended and what it took."""
    files = [folder / name for name in ("stdout", "stderr")]
    child = os.fork()
    if not child:
        os._exit(_child(arguments, files))
    _, status, usage = os.wait4(child, 0)
    stdout, stderr = (path.read_bytes().decode("utf-8", "backslashreplace") for path in files)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "stdout": stdout,
        "stderr": stderr,
        "seconds": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss << 10,
    }


def _child(arguments: Sequence[str], files: Sequence[Path]) -> int:
    for number, path in enumerate(files, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(number, "w"), "utf-8", write_through=True) for number in (1, 2))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ[FOLDER_VARIABLE] = tempfile.mkdtemp(dir=files[0].parent)  # what other cases have is not known
    signal.alarm(_CLOCK)
    time.sleep = lambda _: None  # nobody needs to wait for a registry that is a script
    try:
        return main(list(arguments))
    except SystemExit as error:
        return int(error.code or 0)
    except BaseException:
        traceback.print_exc()
        return CRASHED


def warm_up() -> None:
    """Import and read here what every child would import and read itself."""
    vars(ocisize.analyzer)["load_catalog"] = functools.cache(load_catalog)
    with contextlib.redirect_stdout(io.StringIO()):
        main([str(_EXAMPLE), "-q", "-f", "text", "-f", f"json={os.devnull}"])


if __name__ == "__main__":
    warm_up()
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line), Path(sys.argv[1]))), flush=True)
