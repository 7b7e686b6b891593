"""Files that a RUN writes and a later RUN removes: the removal moves to the end of the RUN that writes the files."""

from __future__ import annotations

import fnmatch
import itertools
import posixpath
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ocisize.history.step_effects import cleanup_command
from ocisize.model.build_step import BuildStep, StepKind
from ocisize.model.findings import Category, Confidence
from ocisize.model.waste import CAUSES
from ocisize.plan.build import Build
from ocisize.plan.fixes import Fix
from ocisize.plan.merged_rows import RowsByLayer, by_layer
from ocisize.plan.missing_paths import can_lack, tolerate_missing
from ocisize.plan.paths import parents_of
from ocisize.plan.reads import Reading, strongest_reading, with_directories
from ocisize.plan.rows import REMOVED
from ocisize.text import quote_code

_REMOVE = re.compile(r"rm(?:\s+-[\w-]+)*\s+\S")
_UNSAFE = re.compile(r"[$`~\\\"']|\{")  # expanded by the shell in a way that is not followed here
_MAX_NAMES = 3  # paths in a title
_GLOB = re.compile(r"[*?\[]")
_MAX_GLOBS = 32  # arguments of one rm
_MIN_SIZE = 4096  # bytes of content that a moved removal saves


def move_cleanups(build: Build) -> Iterator[Fix]:
    """Move removals to the RUNs that write the files, and yield a fix for each removal."""
    for upper in build.own_layers:
        if build.drafts[upper].step.kind is not StepKind.RUN or not build.can_edit_run(upper):
            continue
        numbered = list(build.own_commands(upper))
        directories = with_directories([command for _, command in numbered], build.drafts[upper].context.working_dir)
        for (index, command), (_, directory) in zip(numbered, directories, strict=True):
            if (fix := _move(build, (upper, index), _targets(command, directory), command)) is not None:
                yield fix


def _find_writers(build: Build, upper: int, targets: Sequence[str]) -> dict[int, dict[str, list[int]]]:
    """The rows that a removal hides, by the layer of the RUN that writes them and by the path that the removal names."""
    writers: dict[int, dict[str, list[int]]] = {}
    leader = build.leader(upper)
    for lower in build.rows.layers_hidden_by(upper) if targets else ():
        if (
            lower not in build.own_layers
            or build.drafts[lower].step.kind is not StepKind.RUN
            or not build.can_edit_run(lower)
            or build.leader(lower) is leader
        ):
            continue
        removed = _removed_rows(build, lower, upper)
        if by_target := _rows_by_target(targets, build.rows.names(lower, removed)):
            writers[lower] = by_target
    return writers


def _move(build: Build, place: tuple[int, int], targets: Sequence[str], command: str) -> Fix | None:
    """Move a removal, the command with a number in the RUN of a layer, to the RUNs that write the files."""
    upper, _ = place
    confidence = Confidence.SAFE
    moved: dict[int, list[int]] = defaultdict(list)
    commands: dict[int, str] = {}
    for lower, by_target in _find_writers(build, upper, targets).items():
        if sum(build.rows.size_of({lower: rows}) for rows in by_target.values()) < _MIN_SIZE:
            continue
        reading = _reading(build, lower, place, [_literal_path(target) for target in by_target])
        if reading >= Reading.LIKELY or not all(build.can_clean_up(lower, rows) for rows in by_target.values()):
            continue
        if not can_lack(build, _relative(by_target), lower):
            continue
        if reading is Reading.MAYBE:
            confidence = Confidence.PROBABLY
        options = [word for word in command.split()[1:] if word.startswith("-")]
        commands[lower] = " ".join(["rm", *options, *by_target])
        moved[lower] += [row for rows in by_target.values() for row in rows]
    if not moved:
        return None
    for lower, text in commands.items():
        build.append(lower, text)
        tolerate_missing(build, _relative(_targets(text, "/")), lower)
        build.moved_removals += [(lower, target) for target in _targets(text, "/")]
    written = " or ".join(map(quote_code, dict.fromkeys(commands.values())))
    names = dict.fromkeys(target.rpartition("/")[2] for text in commands.values() for target in _targets(text, "/"))
    rows = by_layer((layer, row) for layer, chosen in moved.items() for row in chosen)
    writers_listed = sorted(moved, key=lambda layer: -build.rows.size_of({layer: moved[layer]}))
    return Fix(
        title=f"files that a later RUN removes: {', '.join(list(names)[:_MAX_NAMES])}",
        confidence=confidence,
        category=Category.WASTE,
        layers=(*writers_listed, upper),
        action=f"End the RUN that writes the files with {written}.",
        rows=rows,
    )


def _targets(command: str, working_dir: str) -> list[str]:
    """The absolute paths that an ``rm`` removes; none for any other command, and where the shell expands more than globs."""
    if not _REMOVE.match(command) or _UNSAFE.search(command):
        return []
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    paths = [posixpath.normpath(posixpath.join(working_dir, word)) for word in words[1:] if not word.startswith("-")]
    return [path for path in paths if _literal_path(path)]


def _relative(targets: Iterable[str]) -> list[str]:
    return [target.lstrip("/") for target in targets]


def _removed_rows(build: Build, lower: int, upper: int) -> list[int]:
    overlay = build.evidence.overlay
    causes = overlay.causes[lower]
    rows = [row for row in build.rows.hidden_rows(lower, upper) if CAUSES[causes[row]] in REMOVED]
    return list(build.rows.originals(lower, rows))


def _rows_by_target(targets: Sequence[str], paths: Mapping[int, str]) -> dict[str, list[int]]:
    """The rows that each argument of an ``rm -r`` removes; paths have no leading slash. None if there are too many globs."""
    names = {target.lstrip("/"): target for target in targets if not _GLOB.search(target)}
    globs = {target: re.compile(fnmatch.translate(target.lstrip("/"))) for target in targets if _GLOB.search(target)}
    if len(globs) > _MAX_GLOBS:
        return {}
    rows: dict[str, list[int]] = {target: [] for target in targets}
    above: dict[str, tuple[list[str], list[str]]] = {}  # by directory: targets that hold it, and globs that may match in it
    for row, path in paths.items():
        directory = path.rpartition("/")[0]
        if directory not in above:
            above[directory] = _targets_of_directory(directory, names, globs)
        holders, deeper = above[directory]
        for target in holders:
            rows[target].append(row)
        if path in names:
            rows[names[path]].append(row)
        for target in deeper:
            if globs[target].match(path):
                rows[target].append(row)
    return {target: chosen for target, chosen in rows.items() if chosen}


def _targets_of_directory(
    directory: str, names: Mapping[str, str], globs: Mapping[str, re.Pattern[str]]
) -> tuple[list[str], list[str]]:
    """The targets that a directory is in or equal to, and the globs whose last part may match a name in the directory."""
    holders = [names[top] for top in (directory, *parents_of(directory)) if top and top in names]
    parts = directory.split("/") if directory else []
    deeper: list[str] = []
    for target, glob in globs.items():
        depth = target.count("/")
        if depth > len(parts):
            deeper.append(target)
        elif glob.match("/".join(parts[:depth])):  # a part of the glob matches a part of the path
            holders.append(target)
    return holders, deeper


def _reading(build: Build, lower: int, place: tuple[int, int], paths: Sequence[str]) -> Reading:
    """Whether a RUN above a layer reads files, up to the command with a number in the RUN of another layer."""
    readings = [Reading.NO]
    upper, index = place
    for layer in range(lower + 1, upper + 1):
        draft = build.drafts[layer]
        if draft.step.kind is StepKind.RUN and build.leader(layer) is not build.leader(lower):
            commands = build.written_commands(layer)
            commands = commands[:index] if layer == upper else commands
            readings.append(strongest_reading(commands, paths, draft.context.working_dir))
    return max(readings)


def _literal_path(target: str) -> str:
    """A target, or the directory of a target with wildcards: other files in the directory may match, too.

    >>> _literal_path("/tmp/*.deb"), _literal_path("/opt/big")
    ('tmp', 'opt/big')
    """
    names = target.strip("/").split("/")
    return "/".join(itertools.takewhile(lambda name: not _GLOB.search(name), names))


def _is_cleanup(command: str, working_dir: str) -> bool:
    return bool(_targets(command, working_dir) or cleanup_command(BuildStep(f"RUN {command}")))


def drop_idle_cleanups(build: Build, gone: RowsByLayer) -> None:
    """Drop RUNs that only remove files which no layer stores any more.

    ``gone`` are the rows that the fixes free, by layer.
    """
    freed = {layer: set(rows) for layer, rows in gone.items()}
    for upper in build.own_layers:
        draft = build.drafts[upper]
        if draft.run is None or build.leader(upper) is not draft or draft.is_dropped or draft.options:
            continue
        working_dir = draft.context.working_dir
        if len(draft.pieces) != len(draft.run.units) or not all(_is_cleanup(unit, working_dir) for unit in draft.run.units):
            continue
        if any(build.evidence.tables[upper].sizes):
            continue
        hidden = [(layer, set(build.rows.hidden_rows(layer, upper))) for layer in build.rows.layers_hidden_by(upper)]
        stored = ((layer, rows - freed.get(layer, set())) for layer, rows in hidden)
        is_idle = all(rows <= _rows_removed_earlier(build, layer, rows) for layer, rows in stored)
        if is_idle and any(rows for _, rows in hidden):  # else the RUN removed nothing before, or directories
            draft.is_dropped = True


def _rows_removed_earlier(build: Build, layer: int, rows: set[int]) -> set[int]:
    """Those of some rows that a removal which moved to the RUN of this or an upper layer removes, too."""
    targets = [target for lower, target in build.moved_removals if layer <= lower]
    if not targets or not rows:
        return set()
    by_target = _rows_by_target(targets, build.rows.names(layer, sorted(rows)))
    return {row for chosen in by_target.values() for row in chosen}
