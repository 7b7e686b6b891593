"""The options of commands that list references: which tags of repositories are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.options import positive

if TYPE_CHECKING:
    import argparse

#: what SOURCE may be, for the help of a command
SOURCE_HELP = (
    "a list of references or - for standard input, JSON of kubectl or docker compose, a layout or archive with many images, "
    "or a pattern such as 'registry.io/team/*' or 'registry.io/app:v1.*'"
)


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--tags`` and ``--last``, the arguments of ``list_references`` of these names."""
    parser.add_argument(
        "--tags", action="append", default=[], metavar="GLOB",
        help="which tags of repositories to read, with * and ?; those that begin with ! are left out; can be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--last", type=positive, metavar="N", help="how many tags of each repository to read, the newest by version"
    )
