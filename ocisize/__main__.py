"""``python -m ocisize`` and the program ``ocisize``."""

import sys
import traceback


def run() -> int:
    """Run the command line as a program of its own: Ctrl-C ends it even while it loads, and no fault has the status 1.

    That one says that a budget failed.
    """
    try:
        from ocisize.cli.main import main
        from ocisize.cli.signals import end_in_time

        end_in_time()
        return main()
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()
        return 2


if __name__ == "__main__":
    sys.exit(run())
