"""chown and chmod commands of a RUN.

A RUN that only changes the owner or mode of files stores all of them again in its layer.
"""

from __future__ import annotations

import re
import shlex

from ocisize.tuples import NamedTuple

_RECURSIVE_OPTION = re.compile(r"--recursive|-\w*R\w*")
_RECURSIVE = re.compile(r"\b(?:chown|chgrp|chmod)\s+(?:\S+\s+)*?(?:--recursive|-\w*R\w*)(?:\s|$)")
_FINDS = re.compile(r"\bfind\s.*\b(?:chown|chgrp|chmod)\b")
_UNSAFE = re.compile(r"[$`*?\[{~|&;<>()]")  # expanded by the shell, or between commands
_IGNORED_FAILURE = re.compile(r"\s*\|\|\s*(?:true|:)\s*$")


class OwnershipChange(NamedTuple):
    """One chown or chmod command."""

    tool: str  #: ``chown``, ``chgrp`` or ``chmod``
    value: str  #: owner or mode, as written
    targets: tuple[str, ...]  #: paths without slashes at their ends
    recursive: bool


def parse_ownership(command: str) -> OwnershipChange | None:
    """Return what a chown, chgrp or chmod command does; None for other commands and for paths that the shell expands.

    None, too, for commands that act on the files of one owner, or take the owner from another file.

    >>> parse_ownership("chown -R app:app /app/ /srv")
    OwnershipChange(tool='chown', value='app:app', targets=('/app', '/srv'), recursive=True)
    >>> parse_ownership("chown app /app || true")
    OwnershipChange(tool='chown', value='app', targets=('/app',), recursive=False)
    >>> parse_ownership("chmod u+x $FILE"), parse_ownership("chmod 755 /app | make")
    (None, None)
    """
    command = _IGNORED_FAILURE.sub("", command)
    if _UNSAFE.search(command):
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if not words or words[0] not in ("chown", "chgrp", "chmod"):
        return None
    options = [word for word in words[1:] if word.startswith("-")]
    value, *targets = [word for word in words[1:] if not word.startswith("-")] or [""]
    if not targets or any(option.startswith(("--from", "--reference")) for option in options):
        return None  # changes only some files, or in a way that the command does not show
    return OwnershipChange(
        tool=words[0],
        value=value,
        targets=tuple(target.rstrip("/") or "/" for target in targets),
        recursive=any(map(_RECURSIVE_OPTION.fullmatch, options)),
    )


def sets_ownership(command: str) -> bool:
    """Return whether a shell command changes owners or modes of whole directories.

    >>> sets_ownership("chown -R app /app"), sets_ownership("chown app /app"), sets_ownership("find /app | xargs chmod a+r")
    (True, False, True)
    """
    return _RECURSIVE.search(command) is not None or _FINDS.search(command) is not None
