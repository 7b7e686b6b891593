"""The command line: arguments to library calls to exit status, and the only place that prints.

A command is a module of this package with FORMATS, ``add_options(parser)`` and ``run(options) -> exit status``, and a
row in COMMANDS. The first argument names it; without a name the command is ``analyze``. Of a command that has ACTIONS the
second argument names one.

Exit status: 0 analysed, 1 a budget failed, 2 could not analyse (usage, budgets, network, broken image).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import ocisize
from ocisize.cli.options import common_options, settle_outputs
from ocisize.cli.terminal import complain, prepare_streams
from ocisize.errors import BudgetError, OcisizeError

UNUSABLE, INTERRUPTED = 2, 130
DEFAULT = "analyze"
#: command → what it does
COMMANDS: Mapping[str, str] = {
    DEFAULT: "how big an image is, and which layer and file is to blame; what is done without a command",
    "files": "the largest files, of one layer or of those that match globs",
    "tree": "the largest directories as a tree",
    "baseline": "how an image compares with the figures that a team accepted, kept in a file",
}
_DESCRIPTION = "Show how big a container image is on the wire, unpacked and wasted, and which layer and file is to blame."
_EPILOG = """\
IMAGE is a reference (registry.io/app:tag), a docker save archive, an OCI archive or an OCI layout folder.
A scheme makes it explicit: docker://REF, docker-archive:FILE[:NAME], oci-archive:FILE[:NAME], oci-dir:FOLDER[:NAME].

exit status: 0 analysed and all budgets kept, 1 a budget failed, 2 could not analyse
"""


def make_parser(command: str = DEFAULT) -> argparse.ArgumentParser:
    """The parser of a command; that of ``analyze`` is the one of the program."""
    module = import_module(f"ocisize.cli.{command}")
    main_one = command == DEFAULT
    parser = argparse.ArgumentParser(
        prog="ocisize" if main_one else f"ocisize {command}",
        description=_DESCRIPTION if main_one else f"Show {COMMANDS[command]}.",
        epilog="\n\n".join([*([_list_commands(), _list_formats(module.FORMATS)] if main_one else []), _EPILOG]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common_options(module.FORMATS)],
        allow_abbrev=False,
    )
    if actions := getattr(module, "ACTIONS", None):
        parser.add_argument(
            "action", choices=list(actions), help="; ".join(f"{name}: {what}" for name, what in actions.items())
        )
    parser.add_argument("image", metavar="IMAGE", help="what to analyse, see below")
    module.add_options(parser)
    parser.add_argument("--version", action="version", version=f"ocisize {ocisize.__version__}")
    return parser


def _list_commands() -> str:
    return _list("commands, given before all else (ocisize COMMAND --help tells their options):", COMMANDS)


def _list_formats(formats: Mapping[str, str]) -> str:
    return _list("formats; -f NAME=FILE writes a file, and several can be written at once (see docs/formats.md):", formats)


def _list(title: str, rows: Mapping[str, str]) -> str:
    width = max(map(len, rows)) + 2
    return "\n".join([title, *(f"  {name:{width}}{what}" for name, what in rows.items())])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    command = arguments.pop(0) if arguments and arguments[0] in COMMANDS else DEFAULT
    prepare_streams()
    module = import_module(f"ocisize.cli.{command}")
    parser = make_parser(command)
    options = parser.parse_args(arguments)
    if wrong := settle_outputs(options, next(iter(module.FORMATS)), several=getattr(module, "SEVERAL", False)):
        parser.error(wrong)
    try:
        status: int = module.run(options)
    except OcisizeError as error:
        for text in _describe(error, options.image):
            complain("error", text)
        if error.hint:
            complain("hint", error.hint)
        return UNUSABLE
    except OSError as error:
        complain("error", f"{error.filename or 'cannot write'}: {error.strerror}")
        return UNUSABLE
    except KeyboardInterrupt:
        complain("error", "interrupted")
        return INTERRUPTED
    return status


def _describe(error: OcisizeError, image: str) -> Sequence[str]:
    """An error in lines that name what it is about; what is wrong with budgets is not wrong with the image."""
    if isinstance(error, BudgetError):
        return error.problems or [str(error)]
    return [str(error) if image in str(error) else f"{image}: {error}"]
