"""Findings on waste: files that layers hide of lower layers, by cause, and how to change the build steps.

A deletion may move to the end of the RUN that writes the files if no step between reads the files. Caches and temporary
files, by the category of their rule in the catalog, are not read by later steps, apart from lists of packages.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import compress
from typing import NamedTuple

from ocisize.findings.claim import FILES, THEY_ARE, Claim, Tier
from ocisize.findings.evidence import ImageEvidence, fix_for_stage
from ocisize.findings.explanations import Check, explain
from ocisize.history.ownership import chown_for_earlier_run, copy_with_ownership, target_of
from ocisize.history.package_managers import (
    add_packages_edit,
    can_move,
    common_manager,
    fetches_lists,
    only_installs,
    package_arguments,
    relies_on_lists,
    removes_packages,
)
from ocisize.history.shell import Change
from ocisize.history.step_effects import (
    cleanup_command,
    copies_from_context,
    copies_from_stage,
    lays_root_filesystem,
    makes_directory,
    makes_users,
    may_only_set_metadata,
    removes_only,
    sets_metadata,
)
from ocisize.model.build_step import StepKind
from ocisize.model.findings import Category, Confidence
from ocisize.model.waste import CAUSES, Cause
from ocisize.text import decode_name

_USED_BY_ONE_STEP = (Category.CACHE, Category.TEMPORARY)  # files that only the build step that wrote them reads
_MIN_REWRITTEN_SHARE = 0.9  # of a layer's content that another layer writes again if both steps do the same
_UNAVOIDABLE_PATH = re.compile(  # files that installing a package or making a user rewrites on any base image
    rb"etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-?$|etc/ld\.so\.cache$|etc/alternatives/|etc/(?:resolv\.conf|hosts)$"
    rb"|etc/ssl/certs/ca-certificates\.crt$|etc/apk/world$|etc/apt/|var/cache/(?:debconf|ldconfig|apt)/|var/log/"
    rb"|(?:usr/)?lib/apk/db/|var/lib/(?:dpkg|apt|rpm|pacman|dnf|rhsm|systemd|pam)/|usr/(?:lib/sysimage|share)/rpm/"
)
_MAX_SAMPLE = 500  # files that are compared with the paths in a chown
_MIN_UNAVOIDABLE_SHARE = 0.01  # of the download; fewer of these files are no finding
_CHECKS = {
    Cause.DELETED: Check.DELETED,
    Cause.METADATA_ONLY: Check.METADATA_ONLY,
    Cause.OVERWRITTEN: Check.OVERWRITTEN,
    Cause.OPAQUE: Check.OPAQUE,
    Cause.DUPLICATE_ENTRY: Check.DUPLICATE_ENTRY,
    Cause.UNREACHABLE: Check.UNREACHABLE,
}


class _Remedy(NamedTuple):
    """The fix for files that one layer hides of another: the fields of a claim."""

    fix: str | Callable[[int, str], str]
    change: Change | None = None
    fix_suffix: str = ""
    removes_layer: int | None = None


def find_hidden_files(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for each cause and each pair of a layer that stores files and a layer that hides them."""
    groups: dict[tuple[Cause, int, int], list[int]] = defaultdict(list)
    for lower, (table, hidden_by, causes) in enumerate(
        zip(evidence.tables, evidence.overlay.hidden_by, evidence.overlay.causes, strict=True)
    ):
        for row in compress(range(len(table)), map((-1).__lt__, hidden_by)):
            groups[CAUSES[causes[row]], lower, hidden_by[row]].append(row)
    steps = [layer.build_step for layer in evidence.layers]
    copied = {upper for cause, lower, upper in groups if cause is Cause.DELETED and copies_from_context(steps[lower])}
    for (cause, lower, upper), rows in groups.items():
        of_base = _is_of_base(evidence, lower) and lower != upper
        chosen = cause is Cause.METADATA_ONLY and sets_metadata(steps[upper])
        remedy = _remedy(evidence, cause, lower, upper, rows)
        rule = explain(_CHECKS[cause])
        yield Claim(
            rule=rule,
            title=rule.title_of(upper=upper, lower=lower, files=FILES, they_are=THEY_ARE),
            confidence=Confidence.ASK if of_base and not chosen else rule.confidence,
            fix=remedy.fix,
            change=remedy.change,
            fix_suffix=remedy.fix_suffix,
            removes_layer=remedy.removes_layer if cause is not Cause.DELETED or upper not in copied else None,
            blame_first_layer=cause is Cause.DELETED,
            other_layers=() if lower == upper else (upper,),
            tier=Tier.WASTE,
            rows={lower: rows},
            min_share=_MIN_UNAVOIDABLE_SHARE if of_base and not chosen and _are_unavoidable(evidence, lower, rows) else 0.0,
        )


def _is_of_base(evidence: ImageEvidence, layer: int) -> bool:
    """Whether a layer belongs to the base image, or lays down a root filesystem."""
    return layer < evidence.base_layers or lays_root_filesystem(evidence.layers[layer].build_step)


def _are_unavoidable(evidence: ImageEvidence, layer: int, rows: Sequence[int]) -> bool:
    """Whether all files with content among the rows are files that steps on any base image rewrite."""
    sizes = evidence.tables[layer].sizes
    return all(map(_UNAVOIDABLE_PATH.match, evidence.tables[layer].paths.select([row for row in rows if sizes[row]])))


def _remedy(evidence: ImageEvidence, cause: Cause, lower: int, upper: int, rows: Sequence[int]) -> _Remedy:
    first, second = evidence.step(lower), evidence.step(upper)
    if cause in (Cause.DUPLICATE_ENTRY, Cause.UNREACHABLE):
        what = "writes each path once and whiteouts without content"
        return _Remedy(fix=f"Build the layer of `{first}` again with a builder that {what}.")
    if upper < evidence.base_layers:
        what = f"`{second}` hides what its `{first}` brings"
        return _Remedy(fix=f"The base image's {what}: use another base image, or tell its maintainers.")
    if _is_of_base(evidence, lower):
        return _Remedy(fix=_other_base_fix(evidence, cause, upper))
    if cause is Cause.METADATA_ONLY and may_only_set_metadata(evidence.layers[upper].build_step):
        return _remedy_metadata(evidence, lower, upper, rows)
    return _remedy_content(evidence, cause, lower, upper, rows)


def _remedy_content(evidence: ImageEvidence, cause: Cause, lower: int, upper: int, rows: Sequence[int]) -> _Remedy:
    """The fix for files that a step deletes or overwrites."""
    cleanup = cleanup_command(evidence.layers[upper].build_step)
    if not cleanup and (again := _install_once(evidence, lower, upper)) is not None:
        return again
    if cause is Cause.DELETED or cleanup:
        return _remedy_deleted(evidence, lower, upper, rows)
    if cause is Cause.METADATA_ONLY and not copies_from_context(evidence.layers[upper].build_step):
        what = f"`{evidence.step(upper)}` writes files of `{evidence.step(lower)}` again without a change"
        return _Remedy(fix=f"{what}: leave the files alone, or join the two steps.")
    return _Remedy(fix=_write_once_fix(evidence, lower, upper, rows))


def _other_base_fix(evidence: ImageEvidence, cause: Cause, upper: int) -> str:
    second = evidence.step(upper)
    if cause is Cause.METADATA_ONLY and sets_metadata(evidence.layers[upper].build_step):
        return f"Leave the base image's files alone in `{second}`, or name those that the program writes to."
    return f"The base image brings these files: use a newer or smaller base image, so that `{second}` changes less."


def _remedy_metadata(evidence: ImageEvidence, lower: int, upper: int, rows: Sequence[int]) -> _Remedy:
    first, second = evidence.layers[lower].build_step, evidence.layers[upper].build_step
    if copies_from_context(first):
        return _Remedy(fix=copy_with_ownership(first, second, upper, target_of(first, _working_directory(evidence, lower))))
    fix = f"Do what `{evidence.step(upper)}` does at the end of the RUN that writes the files: `{evidence.step(lower)}`."
    sample = rows[:: len(rows) // _MAX_SAMPLE + 1]
    moved = chown_for_earlier_run(second, [decode_name(path) for path in evidence.tables[lower].paths.select(sample)])
    between = [layer.build_step for layer in evidence.layers[lower + 1 : upper + 1]]
    if moved is None or any(map(makes_users, between)):
        return _Remedy(fix=fix)
    command, rest = moved
    also = f", and {rest} layer {upper}, `{evidence.step(upper)}`" if rest else ""
    return _Remedy(
        fix=fix, change=Change(layer=lower, command=command), fix_suffix=also, removes_layer=None if rest else upper
    )


def _working_directory(evidence: ImageEvidence, layer: int) -> str:
    """The working directory at a layer: the last absolute WORKDIR below that made a layer, else the one in the config."""
    steps = [layer.build_step for layer in evidence.layers[:layer] if makes_directory(layer.build_step)]
    directories = [step.arguments for step in steps if step.arguments.startswith("/")]
    return directories[-1] if directories else evidence.config.run.working_dir or "/"


def _install_once(evidence: ImageEvidence, lower: int, upper: int) -> _Remedy | None:
    """If one package manager ran in both steps: install everything in the first step that runs it."""
    steps = [layer.build_step for layer in evidence.layers]
    manager = common_manager(steps[lower], steps[upper])
    if manager is None or removes_packages(steps[upper]):
        return None
    own = range(evidence.base_layers, lower + 1)
    first = next(layer for layer in own if common_manager(steps[layer], steps[upper]) == manager)
    drops = only_installs(manager, steps[upper])
    how = f"and drop layer {upper}" if drops else f"and not in layer {upper}"
    fix = f"Install the final versions at once, in layer {first}, `{evidence.step(first)}`, {how}, `{evidence.step(upper)}`."
    packages = package_arguments(manager, steps[upper])
    if not packages or not drops or not can_move(steps[first + 1 : upper]):
        return _Remedy(fix=fix)
    return _Remedy(fix=fix, change=Change(layer=first, edit=add_packages_edit(manager, packages)), removes_layer=upper)


def _remedy_deleted(evidence: ImageEvidence, lower: int, upper: int, rows: Sequence[int]) -> _Remedy:
    used = _is_used_before(evidence, lower, upper, rows)
    command, fix = cleanup_command(evidence.layers[upper].build_step), partial(_fix_deleted, evidence, upper, used=used)
    if not command or used or copies_from_context(evidence.layers[lower].build_step):
        return _Remedy(fix=fix)
    return _Remedy(fix=fix, change=Change(layer=lower, command=command), removes_layer=upper)


def _is_used_before(evidence: ImageEvidence, lower: int, upper: int, rows: Sequence[int]) -> bool:
    """Whether a step may use files before they are deleted; of caches, only lists that a step downloaded for later steps."""
    steps = [layer.build_step for layer in evidence.layers]
    if steps[upper].text and not removes_only(steps[upper]) and not cleanup_command(steps[upper]):
        return True
    between = [step for step in steps[lower + 1 : upper] if step.kind is StepKind.RUN]
    caches = {
        row
        for rule in evidence.catalog.rules
        if rule.category in _USED_BY_ONE_STEP
        for row in evidence.matches[lower].get(rule.id, ())
    }
    sizes = evidence.tables[lower].sizes
    if all(row in caches for row in rows if sizes[row]):
        return fetches_lists(steps[lower]) and any(map(relies_on_lists, between))
    return bool(between)


def _fix_deleted(evidence: ImageEvidence, upper: int, layer: int, _: str, *, used: bool) -> str:
    """The fix for a late cleanup, by the layer that brought the files."""
    first, second, origin = evidence.step(layer), evidence.step(upper), evidence.layers[layer].build_step
    if copies_from_stage(origin):
        return fix_for_stage(first)
    if copies_from_context(origin):
        return f"Keep the files out of `{first}`: name them in .dockerignore, or mount them for one RUN (--mount=type=bind)."
    if used:
        return f"Write, use and delete the files in one RUN: join `{second}`, and what else uses them, into `{first}`."
    return f"Delete the files at the end of the RUN that writes them, `{first}`, instead of in `{second}`."


def _write_once_fix(evidence: ImageEvidence, lower: int, upper: int, rows: Sequence[int]) -> str:
    """The fix for files that a later step overwrites."""
    first, second = evidence.step(lower), evidence.step(upper)
    if copies_from_context(evidence.layers[upper].build_step):
        return f"Copy the final files once: leave out of `{first}` the files that `{second}` brings."
    again = (
        sum(map(evidence.tables[lower].sizes.__getitem__, rows))
        >= _MIN_REWRITTEN_SHARE * evidence.layers[lower].content_size
    )
    if again and first.split()[:3] == second.split()[:3]:
        return f"Drop layer {lower}, `{first}`: layer {upper}, `{second}`, writes the same files again."
    if copies_from_context(evidence.layers[lower].build_step):
        return f"Keep the files out of `{first}`, since `{second}` writes them again; or change them before they are copied."
    return f"Write the files once, in their final form: join `{second}` into `{first}`."
