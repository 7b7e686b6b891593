"""log_to_stderr: the log of the package as messages on standard error, for ``--verbose``."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ocisize.cli.terminal import print_message

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = logging.getLogger("ocisize")  # those of urllib3 stay silent: they repeat URLs with their signatures


class _StderrHandler(logging.Handler):
    """Prints each record as a message, in which nothing steers the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        print_message(record.levelname.lower(), record.getMessage())


@contextmanager
def log_to_stderr(verbosity: int) -> Iterator[None]:
    """Print the package's log during the block: from level INFO for a ``verbosity`` of 1, from DEBUG for more."""
    level, handler = _PACKAGE.level, _StderrHandler()
    _PACKAGE.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)
    _PACKAGE.addHandler(handler)
    try:
        yield
    finally:
        _PACKAGE.removeHandler(handler)
        _PACKAGE.setLevel(level)
