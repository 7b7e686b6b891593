"""``ocisize packages IMAGE``: the packages of an image, what each of them costs, and the bytes that belong to none."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TextIO

from ocisize.cli.inputs import read_image
from ocisize.cli.nearest import advise_on_word
from ocisize.cli.options import KEPT, UNUSABLE, add_keep_going, color_mode, count, incomplete_status, split_names
from ocisize.cli.terminal import print_message, write_outputs
from ocisize.errors import ViewError
from ocisize.model.packages import ECOSYSTEMS, PackageReason, Unowned
from ocisize.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocisize.model.analysis import Analysis
    from ocisize.model.packages import Inventory
    from ocisize.sizes.packages import PackageListing

_GROUPINGS = ("package", "source", "ecosystem", "layer")
_UNOWNED_KINDS = tuple(kind.value for kind in Unowned)
_ALL_UNOWNED = "unowned"  # as a kind: all kinds of files that no package owns
KINDS = (*ECOSYSTEMS, *_UNOWNED_KINDS, _ALL_UNOWNED)  #: values of ``--kind``
REASONS = tuple(reason.value for reason in PackageReason)  #: values of ``--reason``
_MAX_UNOWNED = 10  # rows of files that no package owns, where packages are not all listed
_WITH_HEAD = ("text", "html")  # formats that show the size of the image, of an archive an estimate
_TOP = {"text": 30, "markdown": 30, "html": 100}  # rows by default; other formats have all


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    add = parser.add_argument
    add(
        "--by", choices=_GROUPINGS, default=_GROUPINGS[0], metavar="WHAT",
        help="what a row sums: a package, or the packages of a source, an ecosystem or a layer (default: %(default)s)",
    )  # fmt: skip
    add(
        "--kind", type=_kinds, action="append", default=[], dest="kinds", metavar="KIND,...",
        help=f"show only these ecosystems ({', '.join(ECOSYSTEMS)}) and files of no package ({', '.join(_UNOWNED_KINDS)}; "
        f"{_ALL_UNOWNED}: all of them); can be repeated",
    )  # fmt: skip
    add(
        "--match", type=_names, action="append", default=[], dest="names", metavar="GLOB,...",
        help="show only packages with such a name, in any case: '*-dev', 'python:num*'; can be repeated",
    )  # fmt: skip
    add(
        "--reason", type=_reasons, action="append", default=[], dest="reasons", metavar="REASON,...",
        help=f"show only packages that are there for this reason: {', '.join(REASONS)}; can be repeated",
    )  # fmt: skip
    add(
        "--top",
        type=count,
        metavar="N",
        help="rows of packages, and of files that none owns at most ten (default: 30; html: 100; json and csv: all)",
    )
    add(
        "--sort", choices=("size", "download"),
        help="sort by content size or by download size (default: download, or size where that is unknown)",
    )  # fmt: skip
    add_keep_going(parser)


def _kinds(text: str) -> tuple[str, ...]:
    names = list[str]()
    for name in (part.strip() for part in text.split(",")):
        if name not in KINDS:
            from ocisize.sizes.package_names import ALIASES

            meant = ALIASES.get(name.lower())
            hint = f"did you mean {meant}?" if meant else advise_on_word(name, KINDS)
            raise argparse.ArgumentTypeError(f"unknown kind {name!r}\n{hint}")
        names += _UNOWNED_KINDS if name == _ALL_UNOWNED else [name]
    return tuple(names)


def _names(text: str) -> tuple[str, ...]:
    from ocisize.sizes.package_names import parse_name

    try:
        return tuple(parse_name(name.strip()) for name in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).replace(", did", "\ndid")) from None


def _reasons(text: str) -> tuple[str, ...]:
    return split_names(text, REASONS, "reason")


def run(options: argparse.Namespace) -> int:
    """Analyze, and list packages in all formats that are asked for."""
    has_head = any(output.format in _WITH_HEAD for output in options.outputs)
    analysis = read_image(options, advice=False, files=False, packages=True, estimate_download=has_head)
    inventory = analysis.packages
    if inventory is None:
        raise ViewError("the packages of this image are not known")
    if options.sort == "download":
        from ocisize.sizes.files import SortOrder, check_order

        check_order(analysis.layers, SortOrder.DOWNLOAD)
    if not options.quiet:
        _explain_names(options, inventory)
    written = write_outputs(options.outputs, lambda name, file: _write(name, file, options, analysis, inventory))
    return incomplete_status(KEPT, complete=analysis.lacks_only_foreign) if written else UNUSABLE


def _explain_names(options: argparse.Namespace, inventory: Inventory) -> None:
    """Say which names no package of the image has."""
    from ocisize.sizes.package_names import find_similar, select_packages

    for name in _flatten(options.names):
        if not select_packages(inventory.packages, [name], ignore_case=True):
            similar = find_similar(inventory.packages, [name])
            print_message(
                "hint", f"no package matches {name}" + (f", did you mean {printable(similar)}?" if similar else "")
            )


def _list(form: str, options: argparse.Namespace, inventory: Inventory) -> PackageListing:
    """The packages that the options choose, as many as a format lists."""
    from ocisize.sizes.files import SortOrder
    from ocisize.sizes.packages import PackageGrouping, list_packages

    top = _TOP.get(form) if options.top is None else options.top
    return list_packages(
        inventory,
        count=top,
        unowned_count=None if top is None else min(top, _MAX_UNOWNED),
        by=PackageGrouping(options.by),
        order=SortOrder(options.sort) if options.sort else None,
        kinds=_flatten(options.kinds),
        names=_flatten(options.names),
        reasons=[PackageReason(name) for name in _flatten(options.reasons)],
    )


def _flatten(lists: Sequence[Sequence[str]]) -> list[str]:
    """The values of an option that can be repeated, each once."""
    return list(dict.fromkeys(name for names in lists for name in names))


def _write(form: str, file: TextIO, options: argparse.Namespace, analysis: Analysis, inventory: Inventory) -> None:
    """Write the list in one format."""
    listing = _list(form, options, inventory)
    if form == "json":
        from ocisize.report.packages.json import packages_to_json

        kinds, names, reasons = map(_flatten, (options.kinds, options.names, options.reasons))
        file.write(packages_to_json(analysis, inventory, listing, kinds=kinds, names=names, reasons=reasons) + "\n")
    elif form == "csv":
        from ocisize.report.packages.csv import write_csv

        write_csv(analysis, listing, file)
    elif form == "html":
        from ocisize.report.packages.html import write_html

        write_html(analysis, inventory, listing, file)
    elif form == "markdown":
        from ocisize.report.packages.markdown import write_markdown

        write_markdown(analysis, inventory, listing, file)
    else:
        from ocisize.report.packages.text import write_packages

        write_packages(analysis, inventory, listing, file, color=color_mode(options))
