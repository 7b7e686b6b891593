"""Which build steps may trade places: what their text says, and what has to be assumed.

The texts of build steps do not say what a command reads. A COPY stays below a RUN that names its files or builds software
beside them. Steps whose independence is not certain may only trade places as advice that names this condition.
"""

from __future__ import annotations

import enum
import posixpath
import re

from ocisize.history.package_managers import load_manager_commands, only_installs, package_arguments
from ocisize.model.build_step import BuildStep, StepKind
from ocisize.patterns import lazy_pattern
from ocisize.plan.reads import Reading, is_within, names_path, strongest_reading

_COPIES = (StepKind.COPY, StepKind.ADD)
_MOVABLE = (StepKind.RUN, StepKind.COPY, StepKind.ADD, StepKind.WORKDIR)
_SYSTEM = ("etc", "usr", "lib", "bin", "sbin", "root", "opt", "var", "tmp")  # where any command may read files
_MAKES_USERS = lazy_pattern(r"\b(?:useradd|adduser|groupadd|addgroup)\b")
_INSTALLS_HERE = lazy_pattern(r"\b(?:npm|pnpm|yarn)\b(?!.*\s(?:-g|--global|global)\b)|\bcomposer\b|\bbundle\b")
_MAX_NAME = 2  # characters of a package name that is too short to be found in a text
_MAX_TEXT = 4096  # characters of a step whose text is compared: the time grows with the square


class Dependency(enum.IntEnum):
    """Whether an upper step needs a lower one."""

    FREE = 0  #: it does not
    MAYBE = 1  #: it may
    NEEDED = 2  #: it does, or nothing is known


def find_dependency(lower: BuildStep, upper: BuildStep) -> Dependency:
    """Return whether ``upper`` must stay above ``lower``.

    >>> copy, install = BuildStep("COPY . /app"), BuildStep("RUN apt-get update && apt-get install -y curl")
    >>> find_dependency(copy, install), find_dependency(copy, BuildStep("RUN cd /app && make"))
    (<Dependency.FREE: 0>, <Dependency.NEEDED: 2>)
    >>> find_dependency(BuildStep("RUN make -C /src"), BuildStep("RUN /opt/run-tests"))
    <Dependency.MAYBE: 1>
    """
    if lower.kind not in _MOVABLE or upper.kind not in _MOVABLE or max(len(lower.text), len(upper.text)) > _MAX_TEXT:
        return Dependency.NEEDED
    if lower.kind in _COPIES:
        return _after_copy(lower, upper)
    if lower.kind is StepKind.WORKDIR:
        return _after_workdir(upper)
    return _after_run(lower, upper)


def _after_copy(lower: BuildStep, upper: BuildStep) -> Dependency:
    """Whether a step needs the files of a COPY below it."""
    target = _target_of(lower)
    if upper.kind is StepKind.WORKDIR:
        is_apart = target is not None and not is_within(f"/{upper.arguments.strip('/')}", target)
        return Dependency.FREE if is_apart else Dependency.NEEDED
    if upper.kind is StepKind.RUN:
        return _read_by_run(target, upper)
    other = _target_of(upper)
    if other is None or target is None:
        return Dependency.MAYBE
    overlaps = not target or not other or is_within(other, target) or is_within(target, other)
    return Dependency.NEEDED if overlaps else Dependency.FREE


def _read_by_run(target: str | None, step: BuildStep) -> Dependency:
    """Whether a RUN needs the files that a COPY writes to a target."""
    if target is None:
        return Dependency.FREE if _only_installs(step) else Dependency.MAYBE
    if not target or strongest_reading(step.shell_commands, [target]) is Reading.YES:
        return Dependency.NEEDED
    if target.partition("/")[0] in _SYSTEM:
        return Dependency.MAYBE
    if strongest_reading(step.shell_commands, [f"{target}/file"], f"/{target}") >= Reading.LIKELY:
        return Dependency.NEEDED
    return Dependency.FREE if _only_installs(step) else Dependency.MAYBE


def _after_workdir(upper: BuildStep) -> Dependency:
    """Whether a step needs the directory that a WORKDIR below it makes."""
    if upper.kind is StepKind.RUN:
        return Dependency.FREE if _only_installs(upper) else Dependency.MAYBE
    if upper.kind in _COPIES and _target_of(upper) is not None and _target_of(upper) != "":
        return Dependency.FREE
    return Dependency.NEEDED


def _after_run(lower: BuildStep, upper: BuildStep) -> Dependency:
    """Whether a step needs what the commands below it do."""
    if upper.kind is StepKind.WORKDIR:
        return Dependency.FREE
    if upper.kind in _COPIES:
        if any(option.startswith("--chown") for option in upper.options) and _MAKES_USERS.search(lower.text):
            return Dependency.NEEDED
        target = _target_of(upper)
        is_apart = target and not any(names_path(command, target) for command in lower.shell_commands)
        return Dependency.FREE if is_apart and _only_installs(lower) else Dependency.MAYBE
    return Dependency.NEEDED if _uses_packages(lower, upper) else Dependency.MAYBE


def _target_of(step: BuildStep) -> str | None:
    """Where a COPY writes, without slashes at its ends; None for unknown text, or where it depends on WORKDIR."""
    text = step.arguments.strip()
    if text.startswith("[") or not text:
        return None
    target = text.rpartition(" ")[2]
    return posixpath.normpath(target).strip("/") if target.startswith("/") else None


def _only_installs(step: BuildStep) -> bool:
    """Whether a RUN does nothing but install packages that it names, outside of the directory where it runs."""
    if _INSTALLS_HERE.search(step.text):
        return False
    return any(only_installs(manager, step) and package_arguments(manager, step) for manager in load_manager_commands())


def _uses_packages(lower: BuildStep, upper: BuildStep) -> bool:
    """Whether a RUN names a package that a lower one installs, as a command or an argument."""
    for manager in load_manager_commands():
        for package in package_arguments(manager, lower) or []:
            name = package.partition("=")[0].strip("\"'")
            if (
                len(name) > _MAX_NAME
                and name in upper.text
                and re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", upper.text)
            ):
                return True
    return False
