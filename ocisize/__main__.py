"""``python -m ocisize``."""

import sys

from ocisize.cli import main

if __name__ == "__main__":
    sys.exit(main())
