"""Files that a COPY brings for one RUN and a later step removes: mounted for the RUN instead."""

from __future__ import annotations

import attrs

from ocisize.model.build_step import StepKind
from ocisize.model.findings import Category, Confidence
from ocisize.model.waste import Cause
from ocisize.plan.build import Build
from ocisize.plan.context_paths import ContextCopy
from ocisize.plan.fixes import Fix
from ocisize.plan.missing_paths import tolerate_missing
from ocisize.plan.reads import Reading, names_path, reading_of
from ocisize.plan.rows import Place, by_layer
from ocisize.tar.filetable import DIRECTORY

_REMOVED = (Cause.DELETED, Cause.OPAQUE)
_BIND_CAUTION = "Needs BuildKit (Docker 23 or later) or Buildah 1.24 or later."


@attrs.define
class ContextState:
    """What the rules about the build context have decided so far."""

    copies: list[ContextCopy]
    needed: set[str]  #: context paths that must not be ignored: sources of mounts and of other instructions
    ignored: set[Place] = attrs.field(factory=set)


def mount_for_reader(build: Build, copy: ContextCopy, state: ContextState) -> Fix | None:
    """Mount the source of a COPY whose files one RUN reads and a later step removes."""
    table = build.evidence.tables[copy.layer]
    rows = [row for row in range(len(table)) if row in copy.context_paths]
    if not rows or len(rows) < sum(kind != DIRECTORY for kind in table.kinds) or len(copy.sources) != 1:
        return None
    endings = {build.rows.ending((copy.layer, row)) for row in rows}
    ending = next(iter(endings))
    if len(endings) != 1 or ending is None or ending.cause not in _REMOVED or not copy.destination:
        return None
    paths = [build.rows.paths(copy.layer)[row] for row in rows]
    is_file = set(copy.context_paths.values()) == {copy.sources[0]}
    target = paths[0] if is_file else copy.destination
    readers = [
        layer
        for layer in range(copy.layer + 1, ending.layer + 1)
        if any(
            reading_of(command, [target, *paths[:1]], build.drafts[layer].context.working_dir) is Reading.YES
            for command in commands_of(build, layer)
        )
    ]
    if len(readers) != 1 or not build.can_edit_run(readers[0]) or copy.sources == (".",) or not build.can_mount:
        return None
    (reader,) = readers
    if not _stop_removing(build, reader, target) and reader == ending.layer:
        return None
    source = copy.sources[0]
    build.drafts[copy.layer].is_dropped = True
    build.removed_paths.add(target)
    tolerate_missing(build, [target], copy.layer)
    option = f"--mount=type=bind,source={source},target=/{target}"
    build.leader(reader).options.append(option)
    state.copies.remove(copy)
    state.needed.add(source)
    name = source if is_file else f"{source}/"
    return Fix(
        title=f"{name} copied for one RUN and removed later",
        confidence=Confidence.PROBABLY,
        category=Category.WASTE,
        layers=(copy.layer, reader),
        action=f"Mount {name} for the RUN that reads it (`{option}`) and drop {build.name(copy.layer)}.",
        caution=f"{_BIND_CAUTION} The RUN cannot write into the mount.",
        rows=by_layer(place for row in rows for place in build.rows.copies((copy.layer, row))),
    )


def _stop_removing(build: Build, reader: int, target: str) -> bool:
    """Take the ``rm`` of a path out of the RUN that will mount the path; False if that cannot be done."""
    working_dir = build.drafts[reader].context.working_dir
    for index, command in list(build.own_commands(reader)):
        if command.startswith("rm ") and names_path(command, target, working_dir):
            words = [word for word in command.split() if not names_path(word, target, working_dir)]
            if any(not word.startswith("-") for word in words[1:]):
                build.replace(reader, index, " ".join(words))
            else:
                build.remove(reader, index)
    return not any(
        command.startswith("rm ") and names_path(command, target, working_dir) for command in build.commands(reader)
    )


def commands_of(build: Build, layer: int) -> tuple[str, ...]:
    """Return the shell commands of a layer's RUN as the history has them; none of other steps."""
    step = build.drafts[layer].step
    run = build.drafts[layer].run
    if step.kind is not StepKind.RUN:
        return ()
    return run.units if run is not None else step.shell_commands
