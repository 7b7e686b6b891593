"""Package managers in build steps: the packages that a step installs, and the edit that makes another step install them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

from ocisize.model.build_step import BuildStep, StepKind
from ocisize.tuples import NamedTuple

_APT_LISTS = "/var/lib/apt/lists"
_MAX_CACHED_CALLS = 4096  # each pair of steps is asked for
# Few images need these expressions and those of the managers: re compiles them where they are used, and caches them.
_NAME = r"[\w.+-]+"
_PACKAGE = (  # a package with extras and a version: no path, no address
    r"[A-Za-z0-9][\w.+:~^@-]*(?:\[[\w,.-]+\])?(?:(?:[=<>!~]=|=|<|>)[\w.*+:~^-]+)?"
)
_REMOVAL_VERB = r"\b(?:uninstall|remove|purge|autoremove|del)\b"
_REPOSITORY_CHANGE = (
    r"sources\.list|add-apt-repository|apt-key|/etc/apt|/keyrings|--add-repo|yum\.repos\.d|/etc/apk/repositories"
)


class ManagerCommand(NamedTuple):
    """The command line of a package manager, in regular expressions; ``package_managers.toml`` explains each field."""

    name: str
    tool: str  #: the tool with the blank behind it
    install: str  #: the verb, searched for behind the tool
    update: str  #: as ``install``; "" if the manager has no lists to fetch
    own_command: str  #: the beginning of commands that only serve the installation
    matches: tuple[str, ...]
    misses: tuple[str, ...]
    options_with_value: tuple[str, ...] = ()
    options_of_step: tuple[str, ...] = ()

    def find_install(self, command: str) -> re.Match[str] | None:
        """The verb of an installation in a shell command; the packages and options follow it."""
        return _find_verb(self.tool, self.install, command)


@functools.cache
def load_manager_commands() -> tuple[ManagerCommand, ...]:
    """The commands of ``package_managers.toml``."""
    from ocisize.prebuilt.package_managers import TABLE

    return tuple(_make_manager(**table) for table in TABLE["manager"])


def _make_manager(
    *, name: str, tool: str, install: str, update: str = "", prefix: str = "", also: str = "", **fields: tuple[str, ...]
) -> ManagerCommand:
    return ManagerCommand(
        name=name,
        tool=rf"\b(?:{tool})\s",
        install=_verb(install),
        update=_verb(update) if update else "",
        own_command=(f"(?:{prefix})?" if prefix else "") + rf"(?:{tool})\s" + (f"|{also}" if also else ""),
        **fields,
    )


def _verb(verbs: str) -> str:
    return rf"(?<=\s)(?:{verbs})\b"


def common_manager(first: BuildStep, *others: BuildStep) -> ManagerCommand | None:
    """The package manager that installs packages in the first step and runs in all others; None if there is none.

    >>> manager = common_manager(BuildStep("RUN apt-get install -y curl"), BuildStep("RUN apt-get upgrade -y"))
    >>> manager.name if manager else None
    'apt'
    """
    for manager in load_manager_commands():
        if _installs(manager, first) and all(_runs(manager, other) for other in others):
            return manager
    return None


def only_installs(manager: ManagerCommand, step: BuildStep) -> bool:
    """Whether all commands of a RUN install packages or clean up after that.

    >>> apt = load_manager_commands()[0]
    >>> only_installs(apt, BuildStep("RUN apt-get install -y curl && rm -rf /var/lib/apt/lists/*"))
    True
    >>> only_installs(apt, BuildStep("RUN apt-get install -y curl && make"))
    False
    """
    return step.commands is not None and all(re.match(manager.own_command, command) for command in step.commands)


def can_move(between: Sequence[BuildStep]) -> bool:
    """Whether packages can move from the step after these to the step before them.

    Packages cannot move if a step in between changes the repositories that packages come from.

    >>> can_move([BuildStep("RUN make")]), can_move([BuildStep("RUN add-apt-repository ppa:x")])
    (True, False)
    """
    return not any(re.search(_REPOSITORY_CHANGE, step.text) for step in between)


def removes_packages(step: BuildStep) -> bool:
    """Whether a step removes packages, as ``apt-get purge`` or ``apk del`` do.

    >>> removes_packages(BuildStep("RUN apk del .build-deps"))
    True
    """
    return re.search(_REMOVAL_VERB, step.text) is not None


def relies_on_lists(step: BuildStep) -> bool:
    """Whether a step installs packages with the lists that an earlier step fetched.

    >>> relies_on_lists(BuildStep("RUN apt-get install -y curl"))
    True
    """
    return any(_installs(manager, step) and not _updates(manager, step) for manager in _managers_with_lists())


def find_install(command: str) -> re.Match[str] | None:
    """The verb of an installation from package lists in a shell command; None if the command installs nothing from lists.

    >>> find_install("apt-get -y install curl").group(), find_install("pip install requests")
    ('install', None)
    """
    return next((match for manager in _managers_with_lists() if (match := manager.find_install(command))), None)


def package_arguments(manager: ManagerCommand, step: BuildStep) -> list[str] | None:
    """The packages that a RUN installs, as it names them; None if it names files, addresses or lists of requirements.

    >>> step = BuildStep("RUN apt-get update && apt-get install -y -t bookworm-backports curl=8.5.0-2 git")
    >>> package_arguments(load_manager_commands()[0], step)
    ['curl=8.5.0-2', 'git']
    """
    packages: list[str] = []
    for command in step.shell_commands:
        if (verb := manager.find_install(command)) is None:
            continue
        words = iter(command[verb.end() :].split())
        for word in words:
            if word.startswith("-"):
                if word.partition("=")[0] in manager.options_of_step:
                    return None
                if word in manager.options_with_value:
                    next(words, None)
            elif re.fullmatch(_PACKAGE, word.strip("\"'")):
                packages.append(word)
            else:
                return None
    return packages


def add_packages_edit(manager: ManagerCommand, packages: Sequence[str]) -> Callable[[list[str]], list[str] | None]:
    """An edit for a ``Change`` that makes a step install these packages, too.

    A package that the step installs in another version is replaced.

    >>> edit = add_packages_edit(load_manager_commands()[0], ["curl=8.5.0-2", "git"])
    >>> edit(["apt-get update", "apt-get install -y curl"])
    ['apt-get update', 'apt-get install -y curl=8.5.0-2 git']
    """

    def edit(commands: list[str]) -> list[str] | None:
        for index, command in enumerate(commands):
            if verb := manager.find_install(command):
                return [*commands[:index], _with_packages(command, verb.end(), packages), *commands[index + 1 :]]
        return None

    return edit


def _with_packages(command: str, start: int, packages: Sequence[str]) -> str:
    words = command[start:].split(" ")
    places = {package_name(word): index for index, word in enumerate(words) if re.fullmatch(_PACKAGE, word.strip("\"'"))}
    for package in packages:
        index = places.setdefault(package_name(package), len(words))
        words[index : index + 1] = [package]
    return command[:start] + " ".join(words)


def package_name(package: str) -> str:
    """A package without its version, in one spelling.

    >>> package_name("Flask_Login==0.6"), package_name("libc6:amd64")
    ('flask-login', 'libc6')
    """
    match = re.match(_NAME, package.strip("\"'").split("=")[0])
    return match[0].lower().replace("_", "-") if match else package


def _managers_with_lists() -> list[ManagerCommand]:
    return [manager for manager in load_manager_commands() if manager.update]


@functools.lru_cache(_MAX_CACHED_CALLS)
def _installs(manager: ManagerCommand, step: BuildStep) -> bool:
    return step.kind is StepKind.RUN and any(map(manager.find_install, step.shell_commands))


@functools.lru_cache(_MAX_CACHED_CALLS)
def _updates(manager: ManagerCommand, step: BuildStep) -> bool:
    return (
        step.kind is StepKind.RUN
        and bool(manager.update)
        and any(_find_verb(manager.tool, manager.update, command) for command in step.shell_commands)
    )


@functools.lru_cache(_MAX_CACHED_CALLS)
def _runs(manager: ManagerCommand, step: BuildStep) -> bool:
    return step.kind is StepKind.RUN and any(re.search(manager.own_command, command) for command in step.shell_commands)


def _find_verb(tool: str, verb: str, command: str) -> re.Match[str] | None:
    """A verb behind a tool, in linear time: a verb that does not follow the tool's first call follows no later one."""
    call = re.search(tool, command)
    return re.compile(verb).search(command, call.end()) if call else None
