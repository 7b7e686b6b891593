"""``ocisize tree IMAGE``: the largest directories, and the largest files among them, as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.inputs import read_image
from ocisize.cli.options import KEPT, add_keep_going, add_view_options, color_mode, count, incomplete_status
from ocisize.cli.terminal import open_output

if TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    add_view_options(parser, 25, "directories and files")
    add_keep_going(parser)
    parser.add_argument(
        "--depth", type=count, metavar="N", help="number of levels below the root (default: as many as --top shows)"
    )


def run(options: argparse.Namespace) -> int:
    """Analyze and show the tree."""
    analysis = read_image(options, advice=False)

    from ocisize.sizes.files import SortOrder, select_layers
    from ocisize.sizes.tree import make_tree

    order = SortOrder(options.sort)
    layers = select_layers(analysis.layers, options.layer)
    tree = make_tree(layers, count=options.top, depth=options.depth, order=order)
    with open_output(options) as file:
        if options.format == "json":
            from ocisize.report.json.views import tree_to_json

            text = tree_to_json(analysis, tree, layer=options.layer, order=order, depth=options.depth)
            file.write(text + "\n")
        else:
            from ocisize.report.text.tree import write_tree

            write_tree(analysis, tree, file, layer=options.layer, order=order, color=color_mode(options))
    return incomplete_status(KEPT, complete=analysis.lacks_only_foreign)
