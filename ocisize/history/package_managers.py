"""Package managers in build steps: what a step installs, and one step that installs what two did."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import attrs

from ocisize.model.build_step import BuildStep, StepKind

_NAME = re.compile(r"[\w.+-]+")
_PLAIN = re.compile(r"[A-Za-z0-9][\w.+:~^@-]*(?:\[[\w,.-]+\])?(?:(?:[=<>!~]=|=|<|>)[\w.*+:~^-]+)?")  # no path, no address
_SOURCES = re.compile(
    r"sources\.list|add-apt-repository|apt-key|/etc/apt|/keyrings|--add-repo|yum\.repos\.d|/etc/apk/repositories"
)


@attrs.frozen
class Manager:
    """A package manager, as build steps call it."""

    name: str
    install: str  #: the command up to the verb
    helper: str  #: commands that a step may hold besides, when all it does is install
    valued: tuple[str, ...] = ()  #: options that take the next word
    elsewhere: tuple[str, ...] = ()  #: options that read files of the step's own, or install to another place


MANAGERS = (
    Manager(
        "apt",
        r"\b(?:apt-get|apt|aptitude)\s(?:.*?\s)?install\b",
        r"(?:apt-get|apt|aptitude)\s|rm\s+-\w+\s+/var/(?:lib|cache)/apt",
        ("-o", "--option", "-t", "--target-release", "-c", "--config-file"),
    ),
    Manager("apk", r"\bapk\s(?:.*?\s)?add\b", r"apk\s", ("-X", "--repository"), ("-t", "--virtual", "-p", "--root")),
    Manager(
        "dnf",
        r"\b(?:dnf5?|yum|microdnf|tdnf)\s(?:.*?\s)?install\b",
        r"(?:dnf5?|yum|microdnf|tdnf)\s|rm\s+-\w+\s+/var/cache/(?:dnf|yum)",
        ("-c", "--config", "--repo", "-x", "--exclude"),
        ("--installroot",),
    ),
    Manager(
        "pip",
        r"\bpip[\d.]*\s(?:.*?\s)?install\b",
        r"(?:python[\d.]*\s+-m\s+)?pip[\d.]*\s",
        ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--platform", "--python-version"),
        ("-r", "--requirement", "-c", "--constraint", "-e", "--editable", "-t", "--target", "--prefix", "--root"),
    ),
    Manager(
        "npm",
        r"\bnpm\s(?:.*?\s)?(?:install|add|i)\b",
        r"npm\s",
        (),
        ("--prefix", "-w", "--workspace", "-g", "--global"),
    ),
)  # fmt: skip

_OPTIONS = r"(?:.*?\s)?"  # between a tool and its verb

_APT = MANAGERS[0]


def common_manager(*steps: BuildStep) -> Manager | None:
    """The package manager that installs in all of these steps, or runs in all of them."""
    for manager in MANAGERS:
        first, *others = steps
        if _called(manager.install, first) and all(_called(manager.helper, other) for other in others):
            return manager
    return None


def only_installs(manager: Manager, step: BuildStep) -> bool:
    """Whether all that a RUN does is to install packages."""
    return step.commands is not None and all(re.match(manager.helper, command) for command in step.commands)


def can_move(between: Sequence[BuildStep]) -> bool:
    """Whether the steps between two leave alone where packages come from, so that one can do what the other did."""
    return not any(_SOURCES.search(step.text) for step in between)


def relies_on_lists(step: BuildStep) -> bool:
    """Whether a step installs by apt with the lists that a step before it left."""
    return _called(_APT.install, step) and not _called(r"\b(?:apt-get|apt|aptitude)\s(?:.*?\s)?update\b", step)


def fetches_lists(step: BuildStep) -> bool:
    """Whether a step has apt fetch its lists and installs nothing."""
    return _called(r"\b(?:apt-get|apt|aptitude)\s(?:.*?\s)?update\b", step) and not _called(_APT.install, step)


def package_arguments(manager: Manager, step: BuildStep) -> list[str] | None:
    """The packages that a RUN installs, by name; None where it names files, addresses or lists of requirements."""
    packages: list[str] = []
    for command in step.shell_commands:
        if (found := _find(manager.install, command)) is None:
            continue
        words = iter(command[found.end() :].split())
        for word in words:
            if word.startswith("-"):
                if word.partition("=")[0] in manager.elsewhere:
                    return None
                if word in manager.valued:
                    next(words, None)
            elif _PLAIN.fullmatch(word.strip("\"'")):
                packages.append(word)
            else:
                return None
    return packages


def add_packages_edit(manager: Manager, packages: Sequence[str]) -> Callable[[list[str]], list[str] | None]:
    """An edit that has a step install these as well, in place of other versions of them."""

    def edit(before: list[str]) -> list[str] | None:
        for at, command in enumerate(before):
            if found := _find(manager.install, command):
                return [*before[:at], _with(command, found.end(), packages), *before[at + 1 :]]
        return None

    return edit


def _with(command: str, start: int, packages: Sequence[str]) -> str:
    words = command[start:].split(" ")
    places = {_named(word): at for at, word in enumerate(words) if _PLAIN.fullmatch(word.strip("\"'"))}
    for package in packages:
        at = places.setdefault(_named(package), len(words))
        words[at : at + 1] = [package]
    return command[:start] + " ".join(words)


def _named(package: str) -> str:
    """A package without its version."""
    found = _NAME.match(package.strip("\"'").split("=")[0])
    return found[0].lower().replace("_", "-") if found else package


@lru_cache(maxsize=4096)
def _called(pattern: str, step: BuildStep) -> bool:
    return step.kind is StepKind.RUN and any(_find(pattern, command) for command in step.shell_commands)


def _find(pattern: str, command: str) -> re.Match[str] | None:
    """A tool with its verb, in linear time: where no verb follows the first call of the tool, none follows later ones."""
    tool, _, verb = pattern.partition(_OPTIONS)
    found = re.search(tool, command)
    return re.compile(rf"(?<=\s)(?:{verb})").search(command, found.end()) if found and verb else found
