"""The rows of a Markdown report of a fleet that need its files."""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.model.fleet_files import FleetFiles, JunkFigures
from ocisize.report.ci.markdown_text import code_span, escape_text, keep_together
from ocisize.report.fleet.files_words import describe_dedup, describe_files, name_package, name_rule
from ocisize.report.fleet.words import name_family, shorten
from ocisize.report.words.units import human_size
from ocisize.text import count_of

#: title, noun of a row, columns, rows
Section = tuple[str, str, str, list[str]]


def summarize_files(files: FleetFiles) -> str:
    """A paragraph about all files, and about layers that were not read."""
    text = f"\n**Files**: {escape_text(describe_files(files))}. {escape_text(describe_dedup(files))}.\n"
    if files.unread:
        verb = "was" if len(files.unread) == 1 else "were"
        text += f"\n**{count_of(len(files.unread), 'layer')} {verb} not read.** No figure has the files of these.\n"
    return text


def list_sections(files: FleetFiles) -> Iterator[Section]:
    """The sections, the most urgent first; some may have no rows."""
    yield (
        "Files that look like secrets", "file", "Images | Layers | Kind | File",
        [
            _row(f"{secret.images:,}", f"{secret.layers:,}", escape_text(secret.kind), code_span(secret.paths[0]))
            for secret in files.secrets
        ],
    )  # fmt: skip
    yield (
        "Files that images rarely need", "rule", "Over all | Once | Images | Rule | Most of it",
        [
            _row(
                human_size(junk.logical_size), human_size(junk.size), f"{junk.images:,}", escape_text(name_rule(junk)),
                _place(files, junk),
            )
            for junk in files.junk
        ],
    )  # fmt: skip
    yield (
        "Contents that are stored more than once", "content", "Excess | Copies | Layers | Images | Path",
        [
            _row(
                human_size(content.excess_size), f"{content.copies:,}", f"{content.layers:,}", f"{content.images:,}",
                code_span(content.paths[0]),
            )
            for content in files.duplicates
        ],
    )  # fmt: skip
    yield (
        "Packages", "package", "Once | Over all | Images | Package",
        [
            _row(
                human_size(package.size), human_size(package.logical_size), f"{package.images:,}",
                code_span(name_package(package)),
            )
            for package in files.packages or ()
        ],
    )  # fmt: skip
    yield (
        "One version of a base for all images", "base", "Not shared | Versions | Images to rebuild | Base",
        [
            _row(
                human_size(rebase.unshared_size), f"{len(rebase.versions):,}", f"{rebase.moved_images:,}",
                code_span(f"{shorten(files.figures.fleet, rebase.name)} {rebase.platform}"),
            )
            for rebase in files.rebases
        ],
    )  # fmt: skip


def _place(files: FleetFiles, junk: JunkFigures) -> str:
    """What brings the junk to the most images: a base, or a build step."""
    if not junk.places:
        return ""
    place, families = junk.places[0], files.figures.families
    if place.family is not None:
        return f"base {code_span(shorten(files.figures.fleet, name_family(families, families[place.family])))}"
    return code_span(place.build_step or place.layer)


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(keep_together, cells[:-1]))} | {cells[-1]} |"
