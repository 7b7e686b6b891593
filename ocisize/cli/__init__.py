"""The command line: arguments to library calls to exit status, and the only place that prints.

A command is a module of this package with ``add_options(parser)`` and ``run(options) -> exit status``, and a row in
COMMANDS. The first argument names it; without a name the command is ``analyze``.

Exit status: 0 analysed, 1 kept for budgets and rules that fail, 2 could not analyse (usage, network, broken image).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import ocisize
from ocisize.cli.options import common_options, settle_outputs
from ocisize.cli.terminal import complain, prepare_streams
from ocisize.errors import OcisizeError

OK, UNUSABLE, INTERRUPTED = 0, 2, 130
DEFAULT = "analyze"
#: command → what it does
COMMANDS: Mapping[str, str] = {
    DEFAULT: "how big an image is, and which layer and file is to blame; what is done without a command",
    "files": "the largest files, of one layer or of those that match globs",
    "tree": "the largest directories as a tree",
}
_DESCRIPTION = "Show how big a container image is on the wire, unpacked and wasted, and which layer and file is to blame."
_EPILOG = """\
IMAGE is a reference (registry.io/app:tag), a docker save archive, an OCI archive or an OCI layout folder.
A scheme makes it explicit: docker://REF, docker-archive:FILE[:NAME], oci-archive:FILE[:NAME], oci-dir:FOLDER[:NAME].

exit status: 0 analysed, 2 could not analyse; 1 is kept for budgets that fail
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
        named = options.image in str(error)
        complain("error", str(error) if named else f"{options.image}: {error}")
        if error.hint:
            complain("hint", error.hint)
        return UNUSABLE
    except BrokenPipeError:
        # Whoever read our output has had enough; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        complain("error", f"{error.filename or 'cannot write'}: {error.strerror}")
        return UNUSABLE
    except KeyboardInterrupt:
        complain("error", "interrupted")
        return INTERRUPTED
    return status
