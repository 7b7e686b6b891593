"""The commands of a build step, and how to write the step better."""

from __future__ import annotations

import re
from collections.abc import Callable

_BETWEEN = re.compile(r"(\s*(?:&&|\|\|?|;)\s*)")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'")
_UNSAFE = re.compile(r"^RUN \[|<<|(?:^|\s)#|\\$|[&|;]$")  # no shell, a here-document, a comment, or text that was cut
_LONGEST = 400  # characters of a step that is shown as a whole


def commands(step: str) -> list[str]:
    """The commands of a RUN, one after the other; what stands in quotes is not looked into."""
    return _split(step)[::2]


def rewrite(step: str, change: Callable[[str], str | None]) -> str | None:
    """The RUN with some of its commands changed, only those if it is long; None where none is, or where that is not safe.

    ``change`` gets each command and returns the new one, or None to leave it.
    """
    if not step.startswith("RUN ") or _UNSAFE.search(step):
        return None
    parts = _split(step)
    changed = []
    for at in range(0, len(parts), 2):
        new = change(parts[at])
        if new is not None and new != parts[at]:
            parts[at] = new
            changed.append(new)
    if not changed:
        return None
    whole = "".join(parts)
    return whole if len(whole) <= _LONGEST else "; ".join(changed)


def append(step: str, command: str) -> str | None:
    """The RUN with one more command at its end, only its end if it is long; None where that is not safe."""
    if not step.startswith("RUN ") or _UNSAFE.search(step):
        return None
    whole = f"{step} && {command}"
    return whole if len(whole) <= _LONGEST else f"… && {command}"


def _split(step: str) -> list[str]:
    """Commands with what stands between them, alternating."""
    parts, start = [], 0
    for match in re.finditer(f"{_QUOTED.pattern}|{_BETWEEN.pattern}", step):
        if match[1] is not None:
            parts += [step[start : match.start()], match[1]]
            start = match.end()
    return [*parts, step[start:]]
