"""Findings on waste: files that layers hide of lower layers, by cause, and in general words how to keep them out.

The plan changes the build steps where their texts show how; the fixes here are for the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

from ocisize.filesystem.hidden_rows import find_hidden
from ocisize.findings.claim import FILES, Claim, Fix, Tier
from ocisize.findings.evidence import ImageEvidence, fix_for_archive, fix_for_stage
from ocisize.findings.explanations import Check, explain
from ocisize.history.step_effects import (
    copies_from_context,
    copies_from_stage,
    lays_root_filesystem,
    may_only_set_metadata,
    sets_metadata,
    unpacks_archive,
)
from ocisize.model.findings import Confidence
from ocisize.model.waste import CAUSES, Cause
from ocisize.patterns import lazy_pattern

_MIN_REWRITTEN_SHARE = 0.9  # of a layer's content that another layer writes again if both steps do the same
_UNAVOIDABLE_PATH = lazy_pattern(  # files that installing a package or making a user rewrites on any base image
    rb"etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-?$|etc/ld\.so\.cache$|etc/alternatives/|etc/(?:resolv\.conf|hosts)$"
    rb"|etc/ssl/certs/ca-certificates\.crt$|etc/apk/world$|etc/apt/|var/cache/(?:debconf|ldconfig|apt)/|var/log/"
    rb"|(?:usr/)?lib/apk/db/|var/lib/(?:dpkg|apt|rpm|pacman|dnf|rhsm|systemd|pam)/|usr/(?:lib/sysimage|share)/rpm/"
)
_MIN_UNAVOIDABLE_SHARE = 0.01  # of the download; fewer of these files are no finding
_CHECKS = {
    Cause.DELETED: Check.DELETED,
    Cause.METADATA_ONLY: Check.METADATA_ONLY,
    Cause.OVERWRITTEN: Check.OVERWRITTEN,
    Cause.OPAQUE: Check.OPAQUE,
    Cause.DUPLICATE_ENTRY: Check.DUPLICATE_ENTRY,
    Cause.UNREACHABLE: Check.UNREACHABLE,
}


def find_hidden_files(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for each cause and each pair of a layer that stores files and a layer that hides them."""
    groups: dict[tuple[Cause, int, int], list[int]] = defaultdict(list)
    for lower, (hidden_by, causes) in enumerate(zip(evidence.overlay.hidden_by, evidence.overlay.causes, strict=True)):
        for row in find_hidden(hidden_by):
            groups[CAUSES[causes[row]], lower, hidden_by[row]].append(row)
    for (cause, lower, upper), rows in groups.items():
        of_base = _is_of_base(evidence, lower) and lower != upper
        chosen = cause is Cause.METADATA_ONLY and sets_metadata(evidence.layers[upper].build_step)
        rule = explain(_CHECKS[cause])
        yield Claim(
            rule=rule,
            title=rule.title_of(upper=upper, lower=lower, files=FILES),
            confidence=Confidence.ASK if of_base and not chosen else rule.confidence,
            fix=_fix(evidence, cause, lower, upper, rows),
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


def _fix(evidence: ImageEvidence, cause: Cause, lower: int, upper: int, rows: Sequence[int]) -> Fix:
    """The fix of files that one layer hides of another, for findings that the plan cannot fix."""
    first, second = evidence.step(lower), evidence.step(upper)
    if cause in (Cause.DUPLICATE_ENTRY, Cause.UNREACHABLE):
        what = "writes each path once and whiteouts without content"
        return f"Build the layer of `{first}` again with a builder that {what}."
    if upper < evidence.base_layers:
        return f"The base image's `{second}` hides files of its `{first}`: use another base image, or tell its maintainers."
    if _is_of_base(evidence, lower):
        return _other_base_fix(evidence, cause, upper)
    if cause is Cause.METADATA_ONLY:
        return _metadata_fix(evidence, lower, upper)
    if cause is Cause.DELETED:
        return partial(_deleted_fix, evidence, upper)
    return _write_once_fix(evidence, lower, upper, rows)


def _other_base_fix(evidence: ImageEvidence, cause: Cause, upper: int) -> str:
    second = evidence.step(upper)
    if cause is Cause.METADATA_ONLY and sets_metadata(evidence.layers[upper].build_step):
        return f"Leave the base image's files alone in `{second}`, or name those that the program writes to."
    return f"The base image brings these files: use a newer or smaller base image, so that `{second}` changes less."


def _metadata_fix(evidence: ImageEvidence, lower: int, upper: int) -> str:
    first, second = evidence.step(lower), evidence.step(upper)
    if not may_only_set_metadata(evidence.layers[upper].build_step):
        return f"`{second}` writes files of `{first}` again without a change: leave the files alone, or join the two steps."
    if copies_from_context(evidence.layers[lower].build_step):
        return f"Set owner and mode where the files come in: give `{first}` the options --chown and --chmod."
    return f"Set owner and mode in the RUN that makes the files, `{first}`, and only of those files."


def _deleted_fix(evidence: ImageEvidence, upper: int, layer: int, _: str) -> str:
    """The fix for files that a later layer deletes, by the layer that brought the files."""
    first, second, origin = evidence.step(layer), evidence.step(upper), evidence.layers[layer].build_step
    if copies_from_stage(origin):
        return fix_for_stage(first)
    if unpacks_archive(origin):
        return fix_for_archive(first)
    if copies_from_context(origin):
        return f"Keep the files out of `{first}`: name them in .dockerignore, or mount them for one RUN (--mount=type=bind)."
    return f"Write, use and delete the files in one RUN: delete them in `{first}` instead of in `{second}`."


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
