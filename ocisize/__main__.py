"""The entry point of ``python -m ocisize`` and of the program ``ocisize``."""

import atexit
import gc
import sys

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


if __name__ == "__main__":
    sys.exit(run())
