"""The entry point of ``python -m ocisize`` and of the program ``ocisize``."""

import sys


def run() -> int:
    """Run the command line and return its exit status.

    Ctrl-C ends it with status 130, also while its modules load. An unexpected error is status 2, never 1: status 1 says
    that a budget failed.
    """
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
