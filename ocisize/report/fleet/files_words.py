"""Texts that reports of a fleet's files share."""

from __future__ import annotations

from collections.abc import Mapping

from ocisize.model.fleet_files import Dedup, FleetFiles, JunkFigures, JunkPlace, PackageFigures, Rebase
from ocisize.report.fleet.words import name_family, short_digest, shorten
from ocisize.report.words.units import human_size
from ocisize.text import count_of

#: what a figure is called → what it means
FILE_FIGURES: Mapping[str, str] = {
    "Excess": "Bytes of all copies of a content but one. A layer counts once, however many images have it, so a shared "
    "layer is no excess.",
    "Once": "The bytes of each layer once.",
    "Over all": "The bytes of each layer for each image that has it.",
    "Junk": "Files that images rarely need, by the rules of docs/rules.md, for each layer alone.",
    "Not shared": "Compressed bytes of base layers that would be neither stored nor downloaded if all images were built on "
    "the version that most of them have.",
}


def describe_files(files: FleetFiles) -> str:
    """How much was read."""
    own = files.layer_files
    return (
        f"{count_of(files.layers, 'layer')}, {count_of(own.total_count, 'file')} with content, {human_size(own.total_size)}"
    )


def describe_dedup(files: FleetFiles) -> str:
    """How much of the content of the layers is there more than once, in one sentence without its stop."""
    own = files.layer_files
    if not files.duplicate_count:
        return "No content is stored twice"
    text = (
        f"{human_size(files.excess_size)} of {human_size(own.total_size)} are copies of other files "
        f"({describe_ratio_of(own)})"
    )
    if files.excess_across_size != files.excess_size:
        text += f", {human_size(files.excess_across_size)} of them in other layers"
    return text


def describe_ratio_of(dedup: Dedup) -> str:
    """The ratios of a level.

    >>> describe_ratio_of(Dedup(total_count=31, total_size=69, distinct_count=1, distinct_size=10))
    '31.0 : 1 by count, 6.9 : 1 by bytes'
    """
    count, size = dedup.count_ratio, dedup.size_ratio
    return "nothing" if count is None or size is None else f"{count:.1f} : 1 by count, {size:.1f} : 1 by bytes"


def name_rule(junk: JunkFigures) -> str:
    """A rule with its id."""
    return f"{junk.rule} {junk.title}" if junk.rule else junk.title


def describe_place(files: FleetFiles, place: JunkPlace) -> str:
    """Where junk comes from: the base that has it, or the layer."""
    families = files.figures.families
    if place.family is None:
        origin = f"layer {short_digest(place.layer)}"
    else:
        origin = f"from base {shorten(files.figures.fleet, name_family(families, families[place.family]))}"
    step = f" · {place.build_step}" if place.build_step else ""
    return f"{origin}, {human_size(place.size)} in {count_of(place.images, 'image')}{step}"


def name_package(package: PackageFigures) -> str:
    """A package with its versions: the one that most images have, and how many others there are."""
    versions = [version.version or "?" for version in package.versions]
    more = len(versions) - 1
    others = f" and {count_of(more, 'more version')}" if more else ""
    return f"{package.name} {versions[0]}{others}"


def describe_rebase(files: FleetFiles, rebase: Rebase) -> str:
    """What one version of a base for all would save, in one sentence without its stop."""
    fleet = files.figures.fleet
    first = rebase.versions[0]
    name = first.name or f"the version that starts with {short_digest(first.layers[0])}"
    text = (
        f"{shorten(fleet, rebase.name)} for {rebase.platform}: {count_of(len(rebase.versions), 'version')}; if all images "
        f"were built on {shorten(fleet, name)}, as {first.images:,} are, {human_size(rebase.unshared_size)} would be shared "
        f"that are not today ({count_of(rebase.moved_images, 'image')} to rebuild)"
    )
    if rebase.freed_size != rebase.unshared_size:
        text += f", {human_size(rebase.freed_size)} of which no other image needs"
    if rebase.same_content_size:
        text += f"; {human_size(rebase.same_content_size)} of their files are the same"
    return text
