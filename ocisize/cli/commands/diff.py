"""``ocisize diff BEFORE AFTER``: what changed between two images, and why it grew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ocisize.cli.inputs import make_analyzer, read_image_with
from ocisize.cli.options import color_mode, count
from ocisize.cli.terminal import open_output
from ocisize.errors import ViewError
from ocisize.sources.schemes import names_registry

if TYPE_CHECKING:
    import argparse

    from ocisize.analyzer import Analyzer
    from ocisize.model.analysis import Analysis

_BEGINNING = 512  # bytes that tell a saved analysis from an archive


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    parser.add_argument(
        "--base", action="append", default=[], metavar="IMAGE",
        help="base image of both images, scratch for none; if given twice, of BEFORE and of AFTER",
    )  # fmt: skip
    parser.add_argument(
        "--top", type=count, default=10, metavar="N",
        help="number of rows in the lists of causes, directories and files (default: %(default)s)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Read both and report."""
    from ocisize.comparison.images import compare

    if len(options.base) > 2:
        raise ViewError("--base: give one for both images, or one for each")
    analyzer = make_analyzer(options, hash_content=True, estimate_download=True)
    analyzer.keep_layers = True
    sides = []
    for image, base in zip((options.before, options.after), (options.base or [None]) * 2, strict=False):
        analyzer.base = base
        sides.append(_read(options, image, analyzer))
    comparison = compare(*sides)
    with open_output(options) as file:
        if options.format == "json":
            from ocisize.report.json.diff import comparison_to_json

            file.write(comparison_to_json(comparison) + "\n")
        else:
            from ocisize.report.text.diff import write_diff

            write_diff(comparison, file, top=options.top, color=color_mode(options))
    return 0


def _read(options: argparse.Namespace, image: str, analyzer: Analyzer) -> Analysis:
    """One side: a saved analysis, or an image."""
    options.image = image
    if not _is_saved(Path(image)):
        return read_image_with(analyzer, options, select=_select(options))
    from ocisize.report.json.read import from_json

    return from_json(Path(image).read_bytes())


def _select(options: argparse.Namespace) -> str | None:
    """The value of ``--select`` for one side; beside a file, the option is not meant for an image in a registry."""
    sides = [names_registry(image) for image in (options.before, options.after)]
    return None if any(sides) and not all(sides) and names_registry(options.image) else options.select


def _is_saved(path: Path) -> bool:
    """Whether a file begins like a JSON object; an archive has a NUL after its first name."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    return beginning.lstrip().startswith(b"{") and b"\0" not in beginning
