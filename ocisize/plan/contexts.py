"""Contexts of build steps: the working directory and the user of each layer's step, and what is between the steps."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from ocisize.history.steps import describe
from ocisize.model.build_step import StepKind
from ocisize.oci.documents import History
from ocisize.tuples import NamedTuple

_SEPARATORS = ("ENV", "ARG", "USER", "WORKDIR", "SHELL")  # instructions that change what a RUN behind them does
_SETUP = ("ENV", "ARG", "USER", "SHELL")
_BUILDAH_COMMENT = "FROM "  # how buildah notes the image or stage that a step builds on


class StepContext(NamedTuple):
    """How the build step of a layer runs."""

    working_dir: str = "/"
    user: str = ""  #: "" is root
    step_count: int = 0  #: number of RUN, COPY and ADD in the layer; 0 if the history does not tell, 2 or more: squashed
    follows_directly: bool = False  #: whether nothing is between the step and that of the layer below
    changes_setup: bool = False  #: whether ENV, ARG, USER or SHELL is between the step and that of the layer below

    @property
    def is_root(self) -> bool:
        """Whether the step runs as root."""
        return self.user.partition(":")[0].strip("\"'") in ("", "0", "root")


def is_built_by_modern_builder(history: Sequence[History]) -> bool:
    """Return whether BuildKit or Buildah made the last step of an image; docker's older builder lacks some of their options.

    >>> is_built_by_modern_builder([History(created_by="/bin/sh -c #(nop) COPY dir:0123 in /app")])
    False
    """
    return any(  # the lower steps may be those of a base image that another builder made
        entry.comment.startswith((_BUILDAH_COMMENT, "buildkit.")) or entry.created_by.endswith("# buildkit")
        for entry in history[-1:]
    )


def find_contexts(history: Sequence[History], layers: int) -> list[StepContext]:
    """Return the context of each layer's step, base first; contexts without steps if the history fits no layers.

    ``buildah build`` makes one layer of all steps unless it is called with ``--layers``. Its history lists all steps, all
    but the last one with ``empty_layer``.

    >>> working_dir = History(created_by="WORKDIR /app", empty_layer=True)
    >>> find_contexts([History(created_by="RUN a"), working_dir, History(created_by="RUN b")], 2)[1]
    StepContext(working_dir='/app', user='', step_count=1, follows_directly=False, changes_setup=False)
    """
    if sum(not entry.empty_layer for entry in history) != layers:
        return [StepContext()] * layers
    buildah = any(entry.comment.startswith(_BUILDAH_COMMENT) for entry in history)
    contexts: list[StepContext] = []
    user, steps, direct, changes = "", 0, False, False
    for entry, working_dir in zip(history, find_working_dirs(history), strict=True):
        step = describe(entry)
        makes_files = step.kind in (StepKind.RUN, StepKind.COPY, StepKind.ADD)
        if step.keyword == "USER" and step.kind is StepKind.METADATA:
            user = step.arguments
        if entry.empty_layer:
            steps += makes_files and (buildah or step.kind is not StepKind.RUN)
            direct = direct and step.keyword not in _SEPARATORS
            changes = changes or (step.keyword in _SETUP and step.kind is StepKind.METADATA)
            continue
        contexts.append(StepContext(working_dir, user, steps + 1, direct and not steps, changes))
        steps, direct, changes = 0, step.kind is StepKind.RUN, False
    return contexts


def find_working_dirs(history: Sequence[History]) -> list[str]:
    """Return the working directory at each entry of a history, absolute and without a slash at its end.

    >>> find_working_dirs([History(created_by=text) for text in ("WORKDIR /app", "WORKDIR lib", "RUN make")])
    ['/app', '/app/lib', '/app/lib']
    """
    directories: list[str] = []
    working_dir = "/"
    for entry in history:
        step = describe(entry)
        if step.kind is StepKind.WORKDIR:
            working_dir = posixpath.normpath(posixpath.join(working_dir, step.arguments.strip("\"'") or "."))
        directories.append(working_dir)
    return directories
