"""The library's loggers: named after the modules, below ``ocisize``, and silent unless a program configures logging.

INFO has choices, requests and the seconds of phases, DEBUG has layers and details. Messages hold no credentials.
"""

from __future__ import annotations

import logging
import time

# Here and not in ocisize/__init__.py: importing logging takes 8 ms, which ``ocisize --help`` has no use for.
logging.getLogger("ocisize").addHandler(logging.NullHandler())


class PhaseTimer:
    """Logs the seconds of phases that follow one another, at level INFO.

    The first phase begins when the timer is made, and every other one where the phase before it ends.

    >>> import sys
    >>> logger = logging.getLogger("example")
    >>> logger.addHandler(logging.StreamHandler(sys.stdout))
    >>> logger.setLevel(logging.INFO)
    >>> timer = PhaseTimer(logger)
    >>> timer.end("open")  # doctest: +ELLIPSIS
    open: ... s
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._started = time.perf_counter()

    def end(self, phase: str) -> None:
        """Log the seconds since the end of the phase before this one."""
        now = time.perf_counter()
        self._logger.info("%s: %.3f s", phase, now - self._started)
        self._started = now
