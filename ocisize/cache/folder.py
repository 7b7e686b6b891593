"""Which folder the cache is in, and whether it may be used."""

from __future__ import annotations

import os
import stat
import sys

FOLDER_VARIABLE = "OCISIZE_CACHE_DIR"  #: names the folder of the cache
_NAME = "ocisize"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def default_folder() -> str | None:
    """Return the folder where the system keeps the caches of this user; None if there is none."""
    if sys.platform == "win32":
        parent = os.environ.get("LOCALAPPDATA")
        return os.path.join(parent, _NAME, "Cache") if parent else None
    parent = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(parent):  # the specification says that others are ignored
        return os.path.join(parent, _NAME)
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        return None
    return os.path.join(home, *(("Library", "Caches") if sys.platform == "darwin" else (".cache",)), _NAME)


def find_distrust(folder: str) -> str:
    """Return why a folder that nobody named must not be used, "" if it may be: others could write false figures into it."""
    try:
        status = os.stat(folder)
    except OSError:
        return ""  # it does not exist yet, or nothing can be read from it
    if not stat.S_ISDIR(status.st_mode):
        return "it is not a folder"
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        return "it belongs to another user"
    if sys.platform != "win32" and status.st_mode & _OTHERS_WRITE:
        return "other users may write to it"
    return ""
