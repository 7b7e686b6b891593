"""Structural findings: what the layers themselves prove, whatever their files are called."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import compress

from ocisize.analysis.claims import FILES, Claim, Scene, Tier
from ocisize.analysis.contested import WHITEOUT
from ocisize.analysis.findings import Confidence, Severity
from ocisize.analysis.instructions import commands
from ocisize.analysis.junk import fix_for_stage, from_context
from ocisize.analysis.model import CAUSES, Cause

MANY_LAYERS = 30  # beyond it clients wait for round trips; overlayfs as Docker uses it stops at 127
_MOSTLY = 0.5  # share of the download that makes a layer the one to look at
_LEAST_HEAVY = 50_000_000  # bytes of download below which no layer is called heavy
_INCOMPRESSIBLE = 0.95  # wire bytes per content byte
_LEAST_INCOMPRESSIBLE = 10_000_000  # bytes of download
_CHOWN = re.compile(r"\bchown\s+(?:-\S+\s+)*([\w.-]+(?::[\w.-]*)?)(?=\s)")
_CHANGES = re.compile(r"(?:chown|chgrp|chmod)\s")
_CHANGES_ONLY = re.compile(r"(?:RUN\s+)?(?:chown|chgrp|chmod|touch)\s")
_REMOVES_ONLY = re.compile(r"(?:RUN\s+)?(?:rm|rmdir|find|del|rd|Remove-Item)\s", re.IGNORECASE)
_CHMOD = re.compile(r"\bchmod\s+-\w*R\w*\s+([0-7]{3,4})(?=\s)")
_IDS = {
    Cause.DELETED: "OS101",
    Cause.METADATA_ONLY: "OS102",
    Cause.OVERWRITTEN: "OS103",
    Cause.OPAQUE: "OS104",
    Cause.DUPLICATE_ENTRY: "OS105",
    Cause.UNREACHABLE: "OS106",
}
_TITLES = {
    Cause.DELETED: f"layer {{upper}} deletes {FILES} of layer {{lower}}, which are downloaded all the same",
    Cause.METADATA_ONLY: f"layer {{upper}} stores {FILES} of layer {{lower}} again, for their owner, mode or time alone",
    Cause.OVERWRITTEN: f"layer {{upper}} overwrites {FILES} of layer {{lower}}",
    Cause.OPAQUE: f"layer {{upper}} replaces folders with {FILES} of layer {{lower}}, which are downloaded all the same",
    Cause.DUPLICATE_ENTRY: f"layer {{lower}} stores {FILES} a second time over",
    Cause.UNREACHABLE: f"layer {{lower}} stores {FILES} that no container can see",
}


def find_wasted(scene: Scene) -> Iterator[Claim]:
    """A claim for each cause and pair of layers that hold and hide."""
    groups: dict[tuple[Cause, int, int], list[int]] = defaultdict(list)
    for lower, (table, hidden_by, causes) in enumerate(
        zip(scene.tables, scene.overlay.hidden_by, scene.overlay.causes, strict=True)
    ):
        for row in compress(range(len(table)), map((-1).__lt__, hidden_by)):
            groups[CAUSES[causes[row]], lower, hidden_by[row]].append(row)
    for (cause, lower, upper), rows in groups.items():
        yield Claim(
            id=_IDS[cause],
            title=_TITLES[cause].replace("{upper}", str(upper)).replace("{lower}", str(lower)),
            confidence=Confidence.ASK if _brought_by_base(scene, cause, lower, upper) else Confidence.SURE,
            fix=_fix(scene, cause, lower, upper),
            others=() if lower == upper else (upper,),
            tier=Tier.WASTE,
            rows={lower: rows},
        )


def _fix(scene: Scene, cause: Cause, lower: int, upper: int) -> str:
    first, second = scene.step(lower), scene.step(upper)
    if cause in (Cause.DUPLICATE_ENTRY, Cause.UNREACHABLE):
        return f"Build the layer of `{first}` again with a builder that writes each path once and no whiteouts with content."
    if upper < scene.base_layers:
        return f"The base image's `{second}` hides what its `{first}` brings: choose another, or tell its maintainers."
    if cause is Cause.METADATA_ONLY:
        return _fix_metadata(first, second, scene.layers[upper].instruction)
    if _brought_by_base(scene, cause, lower, upper):
        return f"The base image brings these files: take one that is newer or smaller, so that `{second}` has less to do."
    if cause is Cause.OVERWRITTEN:
        return _fix_overwritten(first, second)
    between = (scene.layers[layer].instruction for layer in range(lower + 1, upper))
    used = any(step.startswith("RUN ") for step in between) or not _removes_only(scene.layers[upper].instruction)
    return _fix_deleted(first, second, used=used)


def _brought_by_base(scene: Scene, cause: Cause, lower: int, upper: int) -> bool:
    """Whether own steps change what the base image has: packages and accounts cannot be added without."""
    return lower < scene.base_layers <= upper and cause is not Cause.METADATA_ONLY


def _fix_metadata(first: str, second: str, changing: str) -> str:
    """``changing`` is the second step in full: what does more than change owners and modes must stay."""
    if from_context(second):
        return _fix_overwritten(first, second)
    parts = commands(changing)
    if parts != [""] and not any(map(_CHANGES.search, parts)) and not all(map(_CHANGES_ONLY.match, parts)):
        return f"`{second}` writes files of `{first}` again as they were: let it leave them alone, or join the two."
    if not from_context(first):
        return f"Do what `{second}` does at the end of the RUN that writes the files: `{first}`."
    word, _, rest = first.partition(" ")
    owner, mode = _CHOWN.search(changing), _CHMOD.search(changing)
    options = [f"--chown={owner[1]}"] if owner else []
    options += [f"--chmod={mode[1]}"] if mode else []
    options = options or ["--chown=USER:GROUP", "--chmod=MODE"]
    for option in options:
        rest = re.sub(rf"{option.partition('=')[0]}=\S+\s+", "", rest)
    drop = all(map(_CHANGES_ONLY.match, parts))
    then = f"and drop `{second}`" if drop else f"instead of by chown and chmod in `{second}`"
    return f"Set owner and mode where the files come in, `{word} {' '.join(options)} {rest}`, {then}."


def _fix_overwritten(first: str, second: str) -> str:
    if from_context(second):
        return f"Copy the final files once: leave out of `{first}` what `{second}` brings."
    return f"Install the final versions at once: join `{second}` into `{first}`."


def _removes_only(step: str) -> bool:
    return not step or all(map(_REMOVES_ONLY.match, commands(step)))


def _fix_deleted(first: str, second: str, *, used: bool) -> str:
    """``used`` tells whether a step may need the files before they are deleted."""
    if (fix := fix_for_stage(first)) is not None:
        return fix
    if from_context(first):
        return f"Keep the files out of `{first}`: name them in .dockerignore, or mount them for one RUN (--mount=type=bind)."
    if used:
        return f"Write, use and delete the files in one RUN: join `{second}`, and what else uses them, into `{first}`."
    return f"Delete the files at the end of the RUN that writes them, `{first}`, instead of in `{second}`."


def find_shape(scene: Scene) -> Iterator[Claim]:
    """Remarks on layers as a whole: heavy ones, those that do not compress, empty ones, too many of them."""
    layers = scene.layers
    wire = sum({layer.digest: layer.compressed_size or 0 for layer in layers}.values())
    for layer, table in zip(layers, scene.tables, strict=True):
        size = layer.compressed_size or 0
        if len(layers) > 1 and size >= _LEAST_HEAVY and size > _MOSTLY * wire:
            yield _remark(
                "OS120",
                f"layer {layer.index} is {100 * size // wire} % of the download",
                f"It is pulled by one connection and unpacked by one core. Look at `{scene.step(layer.index)}` first; "
                "split what changes with every build from what does not.",
                layer.index,
            )
        if layer.compression != "plain" and size >= _LEAST_INCOMPRESSIBLE and size > _INCOMPRESSIBLE * layer.content_size:
            yield _remark(
                "OS121",
                f"layer {layer.index} hardly compresses: its files are compressed already",
                "Keep archives out of the image: unpack them in the step that fetches them. Fetch models and media when the "
                "container starts, where that serves.",
                layer.index,
            )
        if not layer.content_size and not layer.hides_size and not table.paths.contain(WHITEOUT):
            what = f"no content, {layer.entry_count:,} entries" if layer.entry_count else "nothing"
            yield _remark(
                "OS122",
                f"layer {layer.index} is all but empty: it stores {what}",
                f"Join `{scene.step(layer.index)}` into another step: each layer costs a request.",
                layer.index,
            )
    if len(layers) > MANY_LAYERS:
        yield Claim(
            id="OS123",
            title=f"{len(layers)} layers",
            confidence=Confidence.ASK,
            fix="Join steps that change together: clients fetch few layers at once, and Docker's overlay stops at 127.",
            severity=Severity.LOW,
        )


def _remark(number: str, title: str, fix: str, layer: int) -> Claim:
    return Claim(id=number, title=title, confidence=Confidence.ASK, fix=fix, others=(layer,), severity=Severity.LOW)
