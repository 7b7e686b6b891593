"""Options that all commands share, and the types of their values."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from ocisize.cli.nearest import advise_on_word
from ocisize.cli.parser import UsageError
from ocisize.errors import InvalidCost, InvalidGlob, OcisizeError
from ocisize.text import printable
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ocisize.globs import Glob
    from ocisize.sizes.cost import CostAssumptions


#: exit status: all budgets passed, a budget failed, analysis failed or incomplete, Ctrl-C
KEPT, BROKEN, UNUSABLE, INTERRUPTED = 0, 1, 2, 130

_PAGE = "html"  # the format for browsers

#: the values of options and images that a command does not have
ABSENT: Mapping[str, object] = {
    **dict.fromkeys(("image", "before", "after"), ""), **dict.fromkeys(("base", "rules", "keep_going")),
    "images": (), "files": False, "all_platforms": False, "quick": False, "verbose": 0,
}  # fmt: skip


class Output(NamedTuple):
    """A report to write: its format, and its file, or None for standard output."""

    format: str
    output: str | None = None


class MetavarCheck(argparse.HelpFormatter):
    """The formatter of a parser that is being made: argparse makes one for each option, only to check its metavar.

    It has a fixed width. To ask for that of the terminal, argparse would import shutil, with lzma and bz2.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=80)


def common_options(formats: Mapping[str, str]) -> argparse.ArgumentParser:
    """The parent parser of all commands; ``formats`` are the formats of the command with descriptions, the default first."""
    parser = argparse.ArgumentParser(add_help=False, formatter_class=MetavarCheck)
    group = parser.add_argument_group("options of all commands")
    add = group.add_argument
    add("--platform", type=platform, metavar="OS/ARCH", help="which platform to analyze (default: linux on this processor)")
    add("--select", metavar="NAME", help="which image to analyze if a file contains several: a tag, a digest or @N")
    add(
        "-f", "--format", type=_output_type(formats), action="append", default=[], dest="outputs", metavar="NAME[=FILE]",
        help=f"format of the report, {_enumerate(formats)}, and its file (default: {next(iter(formats))})",
    )  # fmt: skip
    add("-o", "--output", metavar="FILE", help="write the report to FILE instead of standard output")
    add("--verify", action="store_true", help="read and check everything, including uncompressed digests")
    add("--no-toc", action="store_true", help="read layers of registries that could be read from their tables of contents")
    add(
        "--unverified-toc", action="store_true",
        help="also read layers from a SOCI index of version 1, which nothing verifies",
    )  # fmt: skip
    add("--no-attestations", action="store_true", help="do not read the provenance attestation of the image")
    add("-j", "--jobs", type=positive, metavar="N", help="number of layers to read at once (default: one per processor)")
    _add_trust(add)
    add("--deadline", type=positive, metavar="SECONDS", help="timeout for downloading one layer (default: four hours)")
    _add_limits(add)
    add("--no-cache", action="store_true", help="read everything again, and keep nothing in the cache")
    add("--color", choices=("auto", "always", "never"), default="auto", help="color the text report (default: %(default)s)")
    add("-v", "--verbose", action="count", default=0, help="log requests and choices to standard error; -vv: details too")
    add("-q", "--quiet", action="store_true", help="no progress and no warnings on standard error")
    return parser


def _add_trust(add: Callable[..., object]) -> None:
    """Add the options that say how to reach a registry, and whom to trust."""
    add("--insecure", action="store_true", help="use plain http for the registry (default for localhost)")
    add(
        "--ca-cert", action="append", metavar="FILE",
        help="CA certificates to trust beside the system's, a PEM file or a folder; can be repeated",
    )  # fmt: skip
    add("--client-cert", metavar="FILE", help="client certificate for the registry, in PEM format")
    add("--client-key", metavar="FILE", help="private key of --client-cert (default: in the same file)")
    add("--tls-no-verify", action="store_true", help="accept any TLS certificate; reports say so")
    add("--no-mirrors", action="store_true", help="ignore the mirrors that podman and docker are configured with")


def _add_limits(add: Callable[..., object]) -> None:
    """Add the options that raise or lower the limits on an image."""
    help_of = {
        "--max-layer-size": ("SIZE", size, "maximum unpacked size of a layer (default: 256 GiB)"),
        "--max-ratio": ("N", positive, "maximum decompression ratio beyond the first 16 GiB (default: 200)"),
        "--max-entries": (
            "N",
            positive,
            "maximum number of files, links and directories in all layers (default: 4,000,000)",
        ),
        "--max-memory": ("SIZE", size, "fail instead of using more memory than this (default: no limit)"),
    }
    for flag, (metavar, kind, text) in help_of.items():
        add(flag, type=kind, metavar=metavar, help=text)


def size(text: str) -> int:
    """Parse a size in bytes, of at least 1."""
    from ocisize.model.quantity import parse_size

    if not (value := parse_size(text.strip())):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a size such as '2 GB' or '2 GiB'")
    return value


def _enumerate(formats: Mapping[str, str]) -> str:
    return "see the end" if any(formats.values()) else " or ".join(formats)


def _advise_on_format(name: str, formats: Mapping[str, str]) -> str:
    """A hint about a format that a command lacks: the command that has it, or the nearest format."""
    from ocisize.report.formats import FORMATS

    if name in FORMATS:
        return f"ocisize IMAGE -f {name} writes it; this command has {', '.join(formats)}"
    return advise_on_word(name, formats, prefix="-f ")


def _output_type(formats: Mapping[str, str]) -> Callable[[str], Output]:
    def parse(text: str) -> Output:
        name, equals, file = text.partition("=")
        if name not in formats:
            raise argparse.ArgumentTypeError(f"unknown format {name!r}\n{_advise_on_format(name, formats)}")
        if equals and not file:
            raise argparse.ArgumentTypeError(f"got {text!r}, expected a file after '='\nwithout a file: -f {name}")
        return Output(name, None if file in ("", "-") else file)

    return parse


def settle_outputs(options: argparse.Namespace, default: str, *, several: bool) -> None:
    """Combine ``-f`` and ``-o``: sets ``outputs``, and ``format`` and ``output`` to those of the first report.

    The file of ``-o`` belongs to the report without a file in ``-f``. Raises UsageError for reports that would mix or
    vanish, and for a page that would be written to a terminal.
    """
    outputs = options.outputs or [Output(default)]
    unnamed = [output.format for output in outputs if output.output is None]
    if len(outputs) > 1 and not several:
        raise UsageError("-f: this command writes one report", "omit the other -f")
    if len(unnamed) > 1:
        text = f"-f: {' and '.join(unnamed)} cannot share one output"
        raise UsageError(text, f"name a file: -f {unnamed[-1]}=FILE")
    if options.output and not unnamed:
        raise UsageError("-o: -f already names the file", "omit -o, or the file behind the format")
    outputs = [Output(output.format, output.output or options.output) for output in outputs]
    files = [output.output and os.path.realpath(output.output) for output in outputs]
    if twice := [output.output for output, file in zip(outputs, files, strict=True) if files.count(file) > 1]:
        raise UsageError(f"-f: two reports cannot share {printable(str(twice[-1]))}", "name another file for one of them")
    if Output(_PAGE) in outputs and sys.stdout.isatty():
        raise UsageError(f"-f {_PAGE}: a page is not for a terminal", f"name a file: -f {_PAGE}=report.html")
    options.outputs, (options.format, options.output) = outputs, outputs[0]


def add_dockerfile(parser: argparse.ArgumentParser) -> None:
    """Add ``--dockerfile``."""
    parser.add_argument(
        "--dockerfile",
        metavar="FILE",
        help="Dockerfile that the image was built from: reports name its lines, advise --patch edits it "
        "(default: ./Dockerfile)",
    )


def add_finding_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the commands that show findings."""
    add = parser.add_argument
    add(
        "--base",
        metavar="IMAGE",
        help="base image of this image, of which only manifest and config are read; scratch: it has none",
    )
    add_rules(parser)
    add(
        "--cost",
        type=_assumptions,
        metavar="KEY=VALUE,...",
        help="assumed deploys (per day), nodes, price (dollars per GB) or bandwidth (100Mbps); adds costs to findings",
    )


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Add ``--rules``."""
    parser.add_argument(
        "--rules",
        action="append",
        metavar="FILE",
        help="TOML file with your own rules for unneeded files, see docs/rules.md; can be repeated",
    )


def add_keep_going(parser: argparse.ArgumentParser) -> None:
    """Add the option of the commands that can report an incomplete image."""
    parser.add_argument(
        "--keep-going",
        action="store_true",
        default=False,
        help="if some layers cannot be read, report the others; the exit status is still 2",
    )


def incomplete_status(status: int, *, complete: bool) -> int:
    """The exit status of a command: ``status``, or 2 if the analysis is not as complete as the image's source."""
    return status if complete else UNUSABLE


def _assumptions(text: str) -> CostAssumptions:
    from ocisize.sizes.cost import parse_cost

    try:
        return parse_cost(text)
    except InvalidCost as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_view_options(parser: argparse.ArgumentParser, top: int, what: str) -> None:
    """Add the options of the commands that show the largest files or directories."""
    parser.add_argument(
        "--layer", type=count, metavar="N", help="show this layer only; 0 is the lowest (default: all layers)"
    )
    parser.add_argument("--top", type=count, default=top, metavar="N", help=f"{what} to show (default: %(default)s)")
    parser.add_argument(
        "--sort", choices=("size", "download"), default="size",
        help="sort by content size or by download size (default: %(default)s)",
    )  # fmt: skip


def color_mode(options: argparse.Namespace) -> bool | None:
    """The value of ``--color``: None means only on a terminal."""
    return {"auto": None, "always": True, "never": False}[options.color]


def split_names(text: str, known: Collection[str], noun: str) -> tuple[str, ...]:
    """Return the names of a list between commas; raises ArgumentTypeError for one that is not ``known``.

    >>> split_names("a, b", ["a", "b", "c"], "letter")
    ('a', 'b')
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"unknown {noun} {name!r}\n{advise_on_word(name, known)}")
    return names


def count(text: str) -> int:
    """Parse an integer of at least 0."""
    return _whole_number(text, 0)


def _whole_number(text: str, least: int) -> int:
    value = int(text) if text.isascii() and text.removeprefix("-").isdigit() else None
    if value is None or value < least:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number of at least {least}")
    return value


def positive(text: str) -> int:
    """Parse an integer of at least 1."""
    return _whole_number(text, 1)


def platform(text: str) -> str:
    """Check a platform, which stays a text."""
    from ocisize.oci.platform import parse_platform

    try:
        parse_platform(text)
    except OcisizeError as error:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected OS/ARCH[/VARIANT]\n{error.hint}") from None
    return text


def glob(text: str) -> Glob:
    """Parse a glob."""
    from ocisize.globs import parse_glob

    try:
        return parse_glob(text)
    except InvalidGlob as error:
        raise argparse.ArgumentTypeError(error.reason) from None
