"""How to give files their owner and mode where they come in, instead of storing them again in a RUN of its own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import attrs

from ocisize.history.shell import shorten
from ocisize.history.step_kind import makes_users
from ocisize.model.build_step import BuildStep

_MODE = re.compile(r"[0-7]{3,4}")
_OWNER = re.compile(r"[\w.-]+(?::[\w.-]*)?")


@attrs.frozen(kw_only=True)
class OwnershipChange:
    """One chown or chmod."""

    text: str
    tool: str  #: ``chown`` or ``chmod``
    value: str  #: owner or mode
    targets: tuple[str, ...]  #: without slashes at their ends
    recursive: bool

    @property
    def option(self) -> str:
        """The same as an option of COPY."""
        return f"--{self.tool}={self.value}"


def ownership_changes(step: BuildStep) -> tuple[list[OwnershipChange], bool]:
    """The chowns and chmods of a RUN that can be told from its text, and whether they are all that it does."""
    if step.commands is None:
        return [], False
    changes = [_parse_command(command) for command in step.commands]
    return [change for change in changes if change is not None], None not in changes


def target_of(copy: BuildStep, folder: str) -> str | None:
    """Where a COPY or ADD puts its files, as an absolute path without a slash at its end; ``folder`` is the WORKDIR."""
    words = copy.arguments.split()
    if len(words) < 2 or words[-1].endswith("]"):
        return None
    target = (
        words[-1] if words[-1].startswith("/") else f"{folder.rstrip('/')}/{words[-1].removeprefix('./').removeprefix('.')}"
    )
    return target.rstrip("/")


def copy_with_ownership(copy: BuildStep, step: BuildStep, layer: int, target: str | None) -> str:
    """What to write instead of a COPY and a later RUN that gives its files another owner or mode.

    To drop the RUN is advised only where all it does is done by the COPY then.
    """
    found, whole = ownership_changes(step)
    carried = [grant for grant in found if grant.recursive and target is not None and target in grant.targets]
    named = [grant for grant in found if not grant.recursive and _inside(grant, target)]
    word, _, rest = copy.text.partition(" ")
    options = " ".join(dict.fromkeys(grant.option for grant in carried)) or "--chown=USER:GROUP --chmod=MODE"
    for option in options.split():
        rest = re.sub(rf"{option.partition('=')[0]}=\S+\s+", "", rest)
    write = f"Set owner and mode where the files come in, `{word} {options} {rest}`"
    if not carried:
        return f"{write}, and leave them alone in `{shorten(step.text)}`."
    exact = [grant for grant in carried if grant.targets == (target,)]
    apart = ", ".join(f"{' '.join(grant.targets)} with `{word} {_more(options, grant)}`" for grant in named)
    copies = f"; copy {apart} (a RUN stores files again)" if named else ""
    if whole and len(exact) + len(named) == len(found):
        return f"{write}{copies}, and drop layer {layer}, `{shorten(step.text)}`."
    texts = [
        f"drop `{grant.text}`" if grant in (*exact, *named) else f"take {target} out of `{grant.text}`"
        for grant in found
        if grant in (*carried, *named)
    ]
    return f"{write}{copies}; in layer {layer}, {' and '.join(dict.fromkeys(texts))}.{_before(step)}"


def _more(options: str, grant: OwnershipChange) -> str:
    """The options of a COPY with one more, in place of its like."""
    kept = [option for option in options.split() if not option.startswith(f"--{grant.tool}=")]
    return " ".join([*kept, grant.option])


def chown_for_earlier_run(step: BuildStep, paths: Sequence[str]) -> tuple[str, str] | None:
    """The command for the end of the RUN that writes these files, and what to take out of the later step for it.

    None where the step's text does not tell which of its commands changes them.
    """
    found, whole = ownership_changes(step)
    kept: list[str] = []
    out: list[str] = []
    for grant in found:
        targets = [target for target in grant.targets if any(_holds(target, f"/{path}") for path in paths)]
        if targets:
            flag = " -R" if grant.recursive else ""
            kept.append(f"{grant.tool}{flag} {grant.value} {' '.join(targets)}")
            out += targets
    if not kept:
        return None
    rest = whole and all(set(grant.targets) <= set(out) for grant in found)
    return " && ".join(kept), "" if rest else f"take {' '.join(dict.fromkeys(out))} out of"


def _before(step: BuildStep) -> str:
    return " Make the user in a step before." if makes_users(step) else ""


def _inside(grant: OwnershipChange, target: str | None) -> bool:
    return target is not None and all(each.startswith(f"{target}/") for each in grant.targets)


def _holds(target: str, path: str) -> bool:
    return path == target or path.startswith(f"{target.rstrip('/')}/")


def _parse_command(command: str) -> OwnershipChange | None:
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if not words or words[0] not in ("chown", "chmod"):
        return None
    options = [word for word in words[1:] if word.startswith("-")]
    value, *targets = [word for word in words[1:] if not word.startswith("-")] or [""]
    if not targets or not (_OWNER if words[0] == "chown" else _MODE).fullmatch(value):
        return None
    return OwnershipChange(
        text=command,
        tool=words[0],
        value=value,
        targets=tuple(target.rstrip("/") or "/" for target in targets),
        recursive=any(option == "--recursive" or re.fullmatch(r"-\w*R\w*", option) for option in options),
    )
