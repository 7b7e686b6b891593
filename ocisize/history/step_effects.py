"""The effects of a build step on files: whether it copies or only deletes files, sets owners or modes.

The text of a step decides, and its kind, which ``model.build_step`` reads from the text.
"""

from __future__ import annotations

import re

from ocisize.model.build_step import BuildStep, StepKind
from ocisize.patterns import lazy_pattern

_ROOT_FILESYSTEM_ARCHIVE = lazy_pattern(
    r"ADD (?:file:\S+ in|\S*(?:rootfs|\.tar)\S*) /(?:\s|$)|(?:RUN )?# debian\.sh |.*debuerreotype"
)
_ARCHIVE = lazy_pattern(r"(?<!\S)(?!\S*://)\S+\.(?:tar(?:\.(?:gz|bz2|xz|zst))?|tgz|tbz2|txz)\s")
_SETS_METADATA = re.compile(r"\b(?:chown|chgrp|chmod)\b")
_TOUCH = lazy_pattern(r"touch\s")
_REMOVES = lazy_pattern(r"(?:rm|rmdir|find|del|rd|Remove-Item)\s", re.IGNORECASE)
_CLEANS = re.compile(r"rm(?:\s+-[\w-]+)+(?:\s+/[^\s$`~]*)+\s*|find\s+/\S+\s.*-delete|apt-get\s+(?:auto)?clean(?:\s+-y)?")


def copies_from_context(step: BuildStep) -> bool:
    """Whether a step copies files from the build context, another stage or another image.

    >>> copies_from_context(BuildStep("COPY . /app")), copies_from_context(BuildStep("ADD file:0123… in /"))
    (True, False)
    """
    return step.kind in (StepKind.COPY, StepKind.ADD)


def copies_from_stage(step: BuildStep) -> bool:
    """Whether a step copies files from another stage or image, where .dockerignore has no effect.

    >>> copies_from_stage(BuildStep("COPY --from=build /out /app"))
    True
    """
    return copies_from_context(step) and any(option.startswith("--from=") for option in step.options)


def unpacks_archive(step: BuildStep) -> bool:
    """Whether a step unpacks an archive of the build context, in which .dockerignore has no effect.

    >>> unpacks_archive(BuildStep("ADD rootfs.tar.xz /")), unpacks_archive(BuildStep("ADD https://example.com/a.tar /"))
    (True, False)
    """
    return step.kind is StepKind.ADD and _ARCHIVE.search(step.arguments) is not None


def lays_root_filesystem(step: BuildStep) -> bool:
    """Whether a step adds a distribution's root filesystem, which authors of images on top of it cannot change.

    >>> lays_root_filesystem(BuildStep("ADD file:0123… in /"))
    True
    """
    return step.kind is StepKind.ROOT_FILESYSTEM


def may_lay_root_filesystem(step: BuildStep) -> bool:
    """Whether the first step of an image adds a root filesystem, or unpacks any archive into the root.

    >>> may_lay_root_filesystem(BuildStep("ADD alpine-minirootfs-3.20.3-x86_64.tar.gz /"))
    True
    >>> may_lay_root_filesystem(BuildStep("ADD app.tar.gz /opt"))
    False
    """
    return lays_root_filesystem(step) or _ROOT_FILESYSTEM_ARCHIVE.match(step.text) is not None


def makes_directory(step: BuildStep) -> bool:
    """Whether a step is a WORKDIR, whose layer holds at most a directory."""
    return step.kind is StepKind.WORKDIR


def sets_variables(step: BuildStep) -> bool:
    """Whether a step is an ENV, whose variables are part of the image's configuration, too."""
    return step.keyword == "ENV" and step.kind is StepKind.METADATA


def sets_metadata(step: BuildStep) -> bool:
    """Whether a step changes owners or modes of files.

    >>> sets_metadata(BuildStep("RUN chown -R app /app && make"))
    True
    """
    return _SETS_METADATA.search(step.text) is not None


def may_only_set_metadata(step: BuildStep) -> bool:
    """Whether a step changes owners, modes or times, or is unknown and may do so.

    >>> may_only_set_metadata(BuildStep("RUN touch /a")), may_only_set_metadata(BuildStep("RUN touch /a && make"))
    (True, False)
    """
    return sets_metadata(step) or step.kind is StepKind.UNKNOWN or all(map(_TOUCH.match, step.shell_commands))


def cleanup_command(step: BuildStep) -> str:
    """The shell command of a step that only deletes absolute paths, so that any earlier step can run it; else "".

    >>> cleanup_command(BuildStep("RUN apt-get clean; rm -rf /tmp/build"))
    'apt-get clean && rm -rf /tmp/build'
    >>> cleanup_command(BuildStep("RUN rm -rf $HOME/.cache"))
    ''
    """
    commands = step.commands
    return " && ".join(commands) if commands and all(map(_CLEANS.fullmatch, commands)) else ""
