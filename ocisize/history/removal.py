"""Packages that a build step need not leave in its layer: who may use them, and the edits that keep them out.

A RUN that compiles needs its compiler until the last command, so that the same RUN must remove it. Any command counts as one
that may use installed programs, unless it is known not to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence

from ocisize.history.package_managers import ManagerCommand, load_manager_commands, package_arguments, package_name
from ocisize.history.shell import edit_each
from ocisize.model.build_step import BuildStep, StepKind
from ocisize.patterns import lazy_pattern

#: by the name of a manager: the command that removes packages, and what was installed only because of them; apt-get would
#: keep what any other package suggests, as Python suggests binutils
_REMOVALS = {
    "apt": "apt-get purge -y --auto-remove -o APT::AutoRemove::SuggestsImportant=false",
    "apk": "apk del --no-cache",
}
_CALLS_NO_PACKAGES = lazy_pattern(  # a command that calls no programs but those that every distribution has
    r"\s*(?:(?:apk|apt|apt-get|apt-mark|dnf|microdnf|yum|tdnf)\s|(?:rm|rmdir|mkdir|mv|cp|ln|touch|cat|echo|printf|true|:|test|cd|"
    r"set|export|unset|chown|chgrp|chmod|useradd|adduser|groupadd|addgroup|usermod|passwd|install|sed|tar|gzip|gunzip|"
    r"unzip|curl|wget|gpg|update-ca-certificates|ldconfig|locale-gen|setcap|du|ls)(?:\s|$)|find\s(?!.*-(?:exec|ok)))"
)
_CLEANS_UP = lazy_pattern(r"\s*(?:rm\s+(?:-\w+\s+)*/var/(?:lib/apt|cache/ap[tk])|apt-get\s+(?:auto)?clean\b)")


def may_call_programs(command: str) -> bool:
    """Whether a shell command may call a program that a package installed.

    >>> may_call_programs("pip install -r requirements.txt"), may_call_programs("rm -rf /var/lib/apt/lists/*")
    (True, False)
    """
    return bool(command.strip()) and _CALLS_NO_PACKAGES.match(command) is None


def find_callers(step: BuildStep) -> tuple[str, ...]:
    """The shell commands of a RUN that may call a program that a package installed; none of other steps.

    >>> find_callers(BuildStep("RUN apt-get update && ./configure && make"))
    ('./configure', 'make')
    """
    return tuple(filter(may_call_programs, step.shell_commands)) if step.kind is StepKind.RUN else ()


def cleans_up(command: str) -> bool:
    """Whether a shell command only removes what a package manager left.

    >>> cleans_up("rm -rf /var/lib/apt/lists/*"), cleans_up("rm -rf /src")
    (True, False)
    """
    return _CLEANS_UP.match(command) is not None


def find_manager(step: BuildStep) -> ManagerCommand | None:
    """The package manager that installs packages in a RUN and whose packages an edit can remove; None if there is none.

    >>> manager = find_manager(BuildStep("RUN apk add --no-cache gcc"))
    >>> manager.name if manager else None
    'apk'
    """
    if step.commands is None or "sudo" in step.text:
        return None
    managers = (manager for manager in load_manager_commands() if manager.name in _REMOVALS)
    return next((manager for manager in managers if any(map(manager.find_install, step.commands))), None)


def named_packages(manager: ManagerCommand, step: BuildStep) -> frozenset[str]:
    """The names of the packages that a RUN installs, without versions; none if it names anything but packages.

    >>> apt = load_manager_commands()[0]
    >>> sorted(named_packages(apt, BuildStep("RUN apt-get install -y gcc=4:12.2.0-3 git")))
    ['gcc', 'git']
    """
    return frozenset(map(package_name, package_arguments(manager, step) or ()))


def names_installed(steps: Iterable[BuildStep]) -> frozenset[str] | None:
    """The names of the packages that some steps install; None if one of them installs what it does not name.

    >>> sorted(names_installed([BuildStep("RUN apt-get install -y gcc make"), BuildStep("RUN apk add curl")]) or ())
    ['curl', 'gcc', 'make']
    >>> names_installed([BuildStep("RUN apt-get install -y ./app.deb")]) is None
    True
    """
    names: set[str] = set()
    managers = [manager for manager in load_manager_commands() if manager.name in _REMOVALS]
    for step in steps:
        for manager in managers:
            if any(map(manager.find_install, step.shell_commands)):
                packages = package_arguments(manager, step)
                if packages is None:
                    return None
                names.update(map(package_name, packages))
    return frozenset(names)


def calls_after_install(manager: ManagerCommand, step: BuildStep, names: Collection[str]) -> bool:
    """Whether a command that may call installed programs follows the installation of some packages in a RUN.

    >>> apt = load_manager_commands()[0]
    >>> calls_after_install(apt, BuildStep("RUN apt-get install -y gcc && make"), ["gcc"])
    True
    """
    commands = step.commands or ()
    first = next((index for index, command in enumerate(commands) if _names_any(manager, command, names)), len(commands))
    return any(map(may_call_programs, commands[first + 1 :]))


def removal_command(manager: ManagerCommand, names: Collection[str]) -> str:
    """The command that removes packages, with what was installed only because of them.

    >>> removal_command(load_manager_commands()[0], ["gcc", "g++"])
    'apt-get purge -y --auto-remove -o APT::AutoRemove::SuggestsImportant=false g++ gcc'
    """
    return f"{_REMOVALS[manager.name]} {' '.join(sorted(names))}"


def join_removals(first: str, second: str) -> str:
    """Two commands of ``removal_command`` as one; "" if one is another command, or of another package manager.

    >>> join_removals("apk del --no-cache gcc", "apk del --no-cache git gcc")
    'apk del --no-cache gcc git'
    >>> join_removals("apk del --no-cache gcc", "make")
    ''
    """
    for command in _REMOVALS.values():
        if first.startswith(f"{command} ") and second.startswith(f"{command} "):
            names = {*first[len(command) :].split(), *second[len(command) :].split()}
            return f"{command} {' '.join(sorted(names))}"
    return ""


def replace_packages(
    manager: ManagerCommand, names: Collection[str], instead: Sequence[str] = ()
) -> Callable[[list[str]], list[str] | None]:
    """An edit for a ``Change`` that installs none of some packages, and others instead.

    The edit makes no change to a command that would install nothing.

    >>> edit = replace_packages(load_manager_commands()[0], ["gcc", "libpq-dev"], ["libpq5"])
    >>> edit(["apt-get update", "apt-get install -y gcc curl libpq-dev"])
    ['apt-get update', 'apt-get install -y curl libpq5']
    >>> replace_packages(load_manager_commands()[0], ["gcc"])(["apt-get install -y gcc"]) is None
    True
    """
    return edit_each(lambda command: _without(manager, command, names, instead) or None)


def add_beside(
    manager: ManagerCommand, names: Collection[str], added: Sequence[str]
) -> Callable[[list[str]], list[str] | None]:
    """An edit for a ``Change`` that installs packages besides some others, where a command names one of these.

    >>> edit = add_beside(load_manager_commands()[0], ["libpq-dev"], ["libpq5"])
    >>> edit(["apt-get update", "apt-get install -y libpq-dev"])
    ['apt-get update', 'apt-get install -y libpq-dev libpq5']
    """
    return edit_each(
        lambda command: f"{command} {' '.join(added)}" if added and _names_any(manager, command, names) else None
    )


def _names_any(manager: ManagerCommand, command: str, names: Collection[str]) -> bool:
    verb = manager.find_install(command)
    return verb is not None and any(package_name(word) in names for word in command[verb.end() :].split())


def _without(manager: ManagerCommand, command: str, names: Collection[str], instead: Sequence[str]) -> str:
    """An installation without some packages; "" if it would install nothing."""
    verb = manager.find_install(command)
    if verb is None or not _names_any(manager, command, names):
        return ""
    words = [word for word in command[verb.end() :].split() if package_name(word) not in names]
    if not instead and all(word.startswith("-") for word in words):
        return ""
    return " ".join([command[: verb.end()], *words, *instead])


def names_program(words: Sequence[str], programs: Collection[str]) -> bool:
    """Whether a command names one of some programs, itself or in the text of a shell.

    >>> names_program(["/bin/sh", "-c", "exec /usr/bin/make serve"], ["make"])
    True
    """
    return any(part.rpartition("/")[2] in programs for word in words for part in re.split(r"[\s;&|()]+", word))
