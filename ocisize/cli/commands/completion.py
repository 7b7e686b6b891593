"""``ocisize completion SHELL``: the script that completes commands, options and values in a shell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ocisize.cli.options import KEPT
from ocisize.packaged import read_packaged

if TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has: none."""


def run(options: argparse.Namespace) -> int:
    """Write the script to standard output."""
    sys.stdout.write(read_packaged("ocisize.cli", f"shells/ocisize.{options.action}"))
    return KEPT
