"""``ocisize files IMAGE``: the largest files, of one layer or of those that match globs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.inputs import read_image
from ocisize.cli.options import KEPT, add_keep_going, add_view_options, color_mode, glob, incomplete_status
from ocisize.cli.terminal import open_output, print_message

if TYPE_CHECKING:
    import argparse

_GLOBS = """\
GLOB: * and ? match characters of a name, ** matches any number of directories, [a-z] and [!a-z] match one character.
A leading slash anchors the glob at the root; other globs match anywhere. A directory that matches selects all files in it.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    add_view_options(parser, 20, "files")
    add_keep_going(parser)
    parser.add_argument(
        "--glob", type=glob, action="append", default=[], dest="globs", metavar="GLOB",
        help="show only files that match or are below, can be repeated: '*.pyc', node_modules, '/opt/**/*.jar'",
    )  # fmt: skip
    parser.epilog = f"{_GLOBS}\n{parser.epilog}"


def run(options: argparse.Namespace) -> int:
    """Analyze and list files."""
    analysis = read_image(options, advice=False)

    from ocisize.sizes.files import SortOrder, list_files, select_layers

    order = SortOrder(options.sort)
    layers = select_layers(analysis.layers, options.layer)
    listing = list_files(layers, count=options.top, order=order, globs=options.globs)
    if not (listing.file_count or options.quiet):
        from ocisize.cli.glob_hints import explain_globs

        for hint in explain_globs(options.globs, layers, analysis.layers):
            print_message("hint", hint)
    with open_output(options) as file:
        if options.format == "json":
            from ocisize.report.json.views import files_to_json

            globs = [pattern.text for pattern in options.globs]
            file.write(files_to_json(analysis, listing, layer=options.layer, order=order, globs=globs) + "\n")
        else:
            from ocisize.report.text.files import write_files

            write_files(analysis, listing, file, layer=options.layer, color=color_mode(options))
    return incomplete_status(KEPT, complete=analysis.lacks_only_foreign)
