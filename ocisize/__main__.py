"""The entry point of ``python -m ocisize`` and of the program ``ocisize``."""

from __future__ import annotations

import atexit
import gc
import os
import sys

TYPE_CHECKING = False  # typing is imported by modules that need more of it
if TYPE_CHECKING:
    from typing import NoReturn

_NEW_OBJECTS = 50_000  # between two searches for garbage: a run begins with 30,000, which stay until it ends


def run() -> int:
    """Run the command line and return its exit status.

    Ctrl-C ends it with status 130, also while its modules load. An unexpected error is status 2, never 1: status 1 says
    that a budget failed.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)  # the interpreter would search all objects once more as it ends
    try:
        from ocisize.cli.main import main
        from ocisize.cli.signals import end_in_time

        end_in_time()
        return main()
    except KeyboardInterrupt:
        return 130
    except Exception:
        import traceback  # the modules that it imports would delay every start

        traceback.print_exc()
        return 2


def program() -> NoReturn:
    """Run the command line, and end the process with its exit status."""
    status = run()
    if not _is_observed() and _has_ended():
        os._exit(status)  # the interpreter would free every object first: 5 % of a short run, 2 % of a long one
    sys.exit(status)


def _is_observed() -> bool:
    """Whether a profiler, a debugger or the user wants something of the interpreter when the program has ended."""
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12, that of profilers and debuggers
    watched = any(monitoring.get_tool(number) is not None for number in range(6)) if monitoring else False
    watched = watched or sys.getprofile() is not None or sys.gettrace() is not None
    return watched or sys.flags.dev_mode or bool(sys.flags.inspect)


def _has_ended() -> bool:
    """Call what is to be called at exit and flush the standard streams; return whether nothing else is left to do."""
    import threading

    if not all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()):
        return False
    atexit._run_exitfuncs()  # noqa: SLF001  (multiprocessing uses it, too)
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except (OSError, ValueError):  # the interpreter reports it
        return False
    return True


if __name__ == "__main__":
    program()
