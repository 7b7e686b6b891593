"""The library's loggers: named after the modules, below ``ocisize``, and silent unless a program configures logging.

INFO has choices, requests and the seconds of phases, DEBUG has layers and details. Messages hold no credentials.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


class Logger:
    """The logger of a module. To import logging takes 8 ms, so it is used once the program has imported it.

    Before that no handler can exist, and a message would reach nobody.

    >>> import logging
    >>> logging.getLogger("example").setLevel(logging.INFO)
    >>> Logger("example").logs_debug
    False
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def logs_debug(self) -> bool:
        """True if a message at level DEBUG has a reader."""
        return (logger := self._find()) is not None and logger.isEnabledFor(10)  # logging.DEBUG

    def debug(self, message: str, *values: object) -> None:
        """Log a message at level DEBUG."""
        if (logger := self._find()) is not None:
            logger.debug(message, *values, stacklevel=2)

    def info(self, message: str, *values: object) -> None:
        """Log a message at level INFO."""
        if (logger := self._find()) is not None:
            logger.info(message, *values, stacklevel=2)

    def _find(self) -> logging.Logger | None:
        if "logging" not in sys.modules:
            return None
        import logging

        package = logging.getLogger("ocisize")
        if not package.handlers:
            package.addHandler(logging.NullHandler())
        return logging.getLogger(self._name)


class PhaseTimer:
    """Logs the seconds of phases that follow one another, at level INFO.

    The first phase begins when the timer is made, and every other one where the phase before it ends.

    >>> import logging, sys
    >>> logger = logging.getLogger("example")
    >>> logger.addHandler(logging.StreamHandler(sys.stdout))
    >>> logger.setLevel(logging.INFO)
    >>> timer = PhaseTimer(Logger("example"))
    >>> timer.end("open")  # doctest: +ELLIPSIS
    open: ... s
    """

    def __init__(self, logger: Logger) -> None:
        self._logger = logger
        self._started = time.perf_counter()

    def end(self, phase: str) -> None:
        """Log the seconds since the end of the phase before this one."""
        now = time.perf_counter()
        self._logger.info("%s: %.3f s", phase, now - self._started)
        self._started = now
