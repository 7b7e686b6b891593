"""Options that all commands share, and the types of their values."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ocisize.errors import InvalidGlob

if TYPE_CHECKING:
    from ocisize.analysis.globs import Glob


def common_options(formats: Mapping[str, str]) -> argparse.ArgumentParser:
    """A parent for the parsers of commands; formats that the command can write, the default first, and what they are."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("options of all commands")
    add = group.add_argument
    add("--platform", metavar="OS/ARCH", help="image of an index to take (default: linux on this processor)")
    add("--select", metavar="NAME", help="image to take from a file that holds several: a tag, a digest or @N")
    notes = "".join(f"; {name} is {what}" for name, what in formats.items() if what)
    add(
        "-f", "--format", choices=list(formats), default=next(iter(formats)),
        help=f"form of the report (default: %(default)s){notes}",
    )  # fmt: skip
    add("-o", "--output", metavar="FILE", help="write the report to FILE instead of standard output")
    add("--verify", action="store_true", help="read and check everything, uncompressed digests included")
    add("-j", "--jobs", type=positive, metavar="N", help="layers to read at once (default: one per processor)")
    add(
        "--insecure",
        action="store_true",
        help="plain http to the registry (loopback gets it anyway, save with --ca-cert)",
    )
    add(
        "--ca-cert",
        metavar="FILE",
        help="CA certificates to trust for the registry instead of the usual ones",
    )
    add("--color", choices=("auto", "always", "never"), default="auto", help="colour the text report (default: %(default)s)")
    add("-q", "--quiet", action="store_true", help="no progress bars and no warnings")
    return parser


def add_view_options(parser: argparse.ArgumentParser, top: int, what: str) -> None:
    """Options of the commands that show the largest of something."""
    parser.add_argument("--layer", type=count, metavar="N", help="of this layer only, 0 is the base (default: of all)")
    parser.add_argument("--top", type=count, default=top, metavar="N", help=f"{what} to show (default: %(default)s)")
    parser.add_argument(
        "--sort", choices=("size", "compressed"), default="size",
        help="what makes one larger than another: its content or its share of the wire (default: %(default)s)",
    )  # fmt: skip


def colored(options: argparse.Namespace) -> bool | None:
    """The choice of ``--color``; None leaves it to the terminal."""
    return {"auto": None, "always": True, "never": False}[options.color]


def count(text: str) -> int:
    """A number from 0 on."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def positive(text: str) -> int:
    """A number from 1 on."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def glob(text: str) -> Glob:
    """A glob over paths, as the catalogue has them."""
    from ocisize.analysis.globs import parse_glob

    try:
        return parse_glob(text)
    except InvalidGlob as error:
        raise argparse.ArgumentTypeError(error.reason) from None
