"""Which names mean standard input, and which files are pipes. The program asks before it knows that there is one."""

from __future__ import annotations

import os
import stat
import sys

from ocisize.errors import ArchiveError
from ocisize.text import STANDARD_INPUT

_PATHS = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
PIPE_HINT = "ocisize reads an archive from a pipe: docker save app | ocisize -"  #: where nothing came, or no archive


def names_standard_input(text: str) -> bool:
    """Return True for ``-`` and for the paths of standard input.

    >>> names_standard_input("-"), names_standard_input("/dev/stdin"), names_standard_input("./-")
    (True, True, False)
    """
    return text == STANDARD_INPUT or text in _PATHS


def is_pipe(text: str) -> bool:
    """Return True for standard input that is no file which can be read in place, and for the path of a FIFO.

    Raises ArchiveError if standard input is a terminal, or is closed.
    """
    if not names_standard_input(text):
        try:
            return stat.S_ISFIFO(os.stat(text).st_mode)
        except (OSError, ValueError):
            return False
    if sys.stdin is None:  # another file of the program may have its number
        raise ArchiveError("standard input is closed", hint=PIPE_HINT)
    try:
        status = os.fstat(0)
        if os.isatty(0):
            raise ArchiveError("standard input is a terminal", hint=PIPE_HINT)
        return not (stat.S_ISREG(status.st_mode) and os.lseek(0, 0, os.SEEK_CUR) == 0 and os.access(_PATHS[0], os.R_OK))
    except OSError as error:
        raise ArchiveError(f"cannot read standard input: {error.strerror}", hint=PIPE_HINT) from None


def file_of(text: str) -> str:
    """Return the path of a file that is not a pipe: that of standard input for ``-``."""
    return _PATHS[0] if text == STANDARD_INPUT else text
