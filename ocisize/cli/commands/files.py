"""``ocisize files IMAGE``: the largest files, of one layer or of those that match globs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.inputs import read_image
from ocisize.cli.options import KEPT, add_keep_going, add_view_options, color_mode, glob, incomplete_status
from ocisize.cli.terminal import open_output, print_message

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ocisize.globs import Glob
    from ocisize.model.analysis import LayerAnalysis

_GLOBS = """\
GLOB: * and ? match characters of a name, ** matches any number of directories, [a-z] and [!a-z] match one character.
A leading slash anchors the glob at the root, a trailing slash matches everything below; other globs match anywhere.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    add_view_options(parser, 20, "files")
    add_keep_going(parser)
    parser.add_argument(
        "--glob", type=glob, action="append", default=[], dest="globs", metavar="GLOB",
        help="show only files that match, can be repeated: '*.pyc', '/usr/lib/', '/opt/**/*.jar'",
    )  # fmt: skip
    parser.epilog = f"{_GLOBS}\n{parser.epilog}"


def _advise_on_globs(globs: Sequence[Glob], layers: Sequence[LayerAnalysis]) -> None:
    """Print a hint for each glob that names a directory, which is not a file itself."""
    from ocisize.globs import parse_glob
    from ocisize.sizes.files import list_files

    for pattern in globs:
        below = pattern.text.rstrip("/") + "/"
        if below != pattern.text and list_files(layers, count=0, globs=[parse_glob(below)]).file_count:
            print_message("hint", f"{pattern.text} is a directory; for all files in it use --glob '{below}'")


def run(options: argparse.Namespace) -> int:
    """Analyze and list files."""
    analysis = read_image(options, advice=False)

    from ocisize.sizes.files import SortOrder, list_files, select_layers

    order = SortOrder(options.sort)
    layers = select_layers(analysis.layers, options.layer)
    listing = list_files(layers, count=options.top, order=order, globs=options.globs)
    if not (listing.file_count or options.quiet):
        _advise_on_globs(options.globs, layers)
    with open_output(options) as file:
        if options.format == "json":
            from ocisize.report.json.views import files_to_json

            globs = [pattern.text for pattern in options.globs]
            file.write(files_to_json(analysis, listing, layer=options.layer, order=order, globs=globs) + "\n")
        else:
            from ocisize.report.text.files import write_files

            write_files(analysis, listing, file, layer=options.layer, color=color_mode(options))
    return incomplete_status(KEPT, complete=analysis.lacks_only_foreign)
