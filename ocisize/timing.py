"""PhaseTimer: logs how many seconds each phase of an analysis takes."""

from __future__ import annotations

import logging
import time


class PhaseTimer:
    """Logs the seconds of phases that follow one another, at level INFO.

    The first phase begins when the timer is made, each other one where the phase before it ends.

    >>> timer = PhaseTimer(logging.getLogger("example"))
    >>> timer.end("open")  # logs, where INFO is enabled: open: 0.012 s
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._started = time.perf_counter()

    def end(self, phase: str) -> None:
        """Log the seconds since the end of the phase before this one."""
        now = time.perf_counter()
        self._logger.info("%s: %.3f s", phase, now - self._started)
        self._started = now
