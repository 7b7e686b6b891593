"""The commands: one row each, with the arguments that differ between commands, and the module, loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ocisize.cli.fleet_sources import SOURCE_HELP
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

DEFAULT = "analyze"  #: the command of ``ocisize IMAGE``
_OF_PACKAGES = {
    "text": "for people, on a terminal",
    "json": "all packages, for programs",
    "csv": "a row per package, and rows of the bytes that belong to none",
    "html": "one page with a treemap of packages; works offline",
    "markdown": "for comments of pull requests and step summaries",
}


class CommandModule(Protocol):
    """The module of a command."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that only this command has."""

    def run(self, options: argparse.Namespace) -> int:
        """Run the command; returns the exit status, and raises OcisizeError."""


class Command(NamedTuple):
    """What the command line knows about a command before its module is loaded."""

    about: str  #: completes "Show …."
    load: Callable[[], CommandModule]
    load_formats: Callable[[], Mapping[str, str]] = lambda: {"text": "", "json": ""}  #: see ``formats``
    several_reports: bool = False  #: ``-f`` can be repeated
    images: Mapping[str, str] = {}  #: positional arguments that name images, if not one ``image``, and their help
    actions: Mapping[str, str] = {}  #: values of a positional argument before the image, and their help
    several_images: bool = False  #: the last of ``images`` can be repeated
    reads_images: bool = True  #: takes images, and the options that all commands about images share

    @property
    def formats(self) -> Mapping[str, str]:
        """Name → description; the first is the default. No run needs those of other commands."""
        return self.load_formats()


def _analyze() -> CommandModule:
    from ocisize.cli.commands import analyze

    return analyze


def _advise() -> CommandModule:
    from ocisize.cli.commands import advise

    return advise


def _files() -> CommandModule:
    from ocisize.cli.commands import files

    return files


def _packages() -> CommandModule:
    from ocisize.cli.commands import packages

    return packages


def _tree() -> CommandModule:
    from ocisize.cli.commands import tree

    return tree


def _browse() -> CommandModule:
    from ocisize.cli.commands import browse

    return browse


def _baseline() -> CommandModule:
    from ocisize.cli.commands import baseline

    return baseline


def _diff() -> CommandModule:
    from ocisize.cli.commands import diff

    return diff


def _fleet() -> CommandModule:
    from ocisize.cli.commands import fleet

    return fleet


def _fleet_export() -> CommandModule:
    from ocisize.cli.commands import fleet_export

    return fleet_export


def _history() -> CommandModule:
    from ocisize.cli.commands import history

    return history


def _cache() -> CommandModule:
    from ocisize.cli.commands import cache

    return cache


def _completion() -> CommandModule:
    from ocisize.cli.commands import completion

    return completion


def _formats_of_analyze() -> Mapping[str, str]:
    from ocisize.report.formats import FORMATS

    return {name: row.about for name, row in FORMATS.items()}


def _formats_of_diff() -> Mapping[str, str]:
    from ocisize.report.diff_formats import DIFF_FORMATS

    return {name: row.about for name, row in DIFF_FORMATS.items()}


def _formats_of_history() -> Mapping[str, str]:
    from ocisize.report.updates.formats import HISTORY_FORMATS

    return {name: row.about for name, row in HISTORY_FORMATS.items()}


def _formats_of_fleet() -> Mapping[str, str]:
    from ocisize.report.fleet.formats import FLEET_FORMATS

    return {name: row.about for name, row in FLEET_FORMATS.items()}


#: by name, which can be two words
COMMANDS: Mapping[str, Command] = {
    DEFAULT: Command(
        "how big an image is and why; the default command",
        _analyze,
        load_formats=_formats_of_analyze,
        several_reports=True,
    ),
    "advise": Command("what to change in the build, step by step, and all other findings", _advise),
    "files": Command("the largest files, of all layers or one, filtered by globs", _files),
    "tree": Command("the largest directories as a tree", _tree),
    "packages": Command(
        "the largest packages, why they are there, and the bytes that belong to none",
        _packages,
        load_formats=lambda: _OF_PACKAGES,
        several_reports=True,
    ),
    "browse": Command(
        "the image on the screen: layers, directories, files and waste", _browse, load_formats=lambda: {"text": ""}
    ),
    "baseline": Command(
        "how an image compares with sizes stored in a file",
        _baseline,
        actions={
            "write": "store the image's figures",
            "check": "compare with the stored figures; exit status 1 on growth",
        },
    ),
    "diff": Command(
        "what changed between two images, and why it grew",
        _diff,
        load_formats=_formats_of_diff,
        several_reports=True,
        images={
            "before": "the old image: see below, or an analysis saved with -f json --files; scratch: there is none",
            "after": "the new image, in the same forms",
        },
    ),
    "history": Command(
        "what hosts download from release to release, and which layers cause it",
        _history,
        load_formats=_formats_of_history,
        several_reports=True,
        images={
            "images": "the releases of an image, oldest first; a repository with --tags; or a list, as for ocisize fleet"
        },
        several_images=True,
    ),
    "fleet": Command(
        "what many images share, what each costs alone, and what deleting some frees",
        _fleet,
        load_formats=_formats_of_fleet,
        several_reports=True,
        images={"images": SOURCE_HELP},
        several_images=True,
    ),
    "fleet export": Command(
        "a fleet as Parquet tables in a folder, for queries",
        _fleet_export,
        load_formats=lambda: {"text": ""},
        images={"images": SOURCE_HELP},
        several_images=True,
    ),
    "cache": Command(
        "the folder and size of the cache; prune and clear make it smaller",
        _cache,
        load_formats=dict,
        actions={
            "dir": "print its folder",
            "size": "print how big it is",
            "prune": "remove what was not used for the longest time",
            "clear": "remove everything",
        },
        reads_images=False,
    ),
    "completion": Command(
        "a script that completes command lines in a shell",
        _completion,
        load_formats=dict,
        actions={
            "bash": "source <(ocisize completion bash)",
            "zsh": "source <(ocisize completion zsh)",
            "fish": "ocisize completion fish | source",
        },
        reads_images=False,
    ),
}


def take_command(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The command that some words begin with, None if there is none, and the words behind it.

    >>> take_command(["fleet", "export", "a"]), take_command(["fleet", "a"]), take_command(["a"])
    (('fleet export', ['a']), ('fleet', ['a']), (None, ['a']))
    """
    for count in (2, 1):
        name = " ".join(words[:count])
        if len(words) >= count and name in COMMANDS:
            return name, words[count:]
    return None, words
