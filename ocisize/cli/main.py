"""The command line: arguments to library calls to exit status, and the only place that prints.

A command is a module of ``ocisize.cli.commands`` with FORMATS, ``add_options(parser)`` and ``run(options) -> exit
status``, and a row in COMMANDS. The first argument names it; without a name the command is ``analyze``, whose
``add_options(parser, brief=True)`` keeps rare options out of the program's help. Of a command that has ACTIONS the second
argument names one. One about more than one image has IMAGES, and keeps in ``options.image`` what errors are about.

Exit status: 0 analyzed, 1 a budget failed, 2 analysis failed or was incomplete (usage, budgets, network, broken image),
130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module

import ocisize
from ocisize.cli.help import HelpFormatter, explain_extras, table
from ocisize.cli.options import INTERRUPTED, UNUSABLE, common_options, settle_outputs
from ocisize.cli.terminal import prepare_streams, print_message, silence_stream
from ocisize.errors import BudgetError, InvalidReference, OcisizeError
from ocisize.sources.schemes import SCHEMES

DEFAULT = "analyze"
#: command → what it shows
COMMANDS: Mapping[str, str] = {
    DEFAULT: "how big an image is and why; the default command",
    "advise": "all findings, with the fix for each",
    "files": "the largest files, of all layers or one, filtered by globs",
    "tree": "the largest directories as a tree",
    "baseline": "how an image compares with accepted sizes, kept in a file",
    "diff": "what changed between two images, and why it grew",
}
_PURPOSE = "Show how big a container image is: download, unpacked and wasted bytes, and which layers and files cause them."
_IMAGE = f"""\
IMAGE is a reference (registry.io/app:tag), a docker save archive, an OCI archive or an OCI layout folder. \
A scheme makes it explicit: {", ".join(scheme.usage for scheme in SCHEMES if scheme.usage)}."""
_EXAMPLES = {
    "ocisize debian:12": "an image in a registry",
    "ocisize app.tar -f json": "a saved image, for programs",
    "ocisize advise app.tar": "all findings",
    "ocisize files app.tar --glob '*.pyc'": "the largest Python bytecode files",
    "ocisize app.tar --max-download 120MB": "exit status 1 if the download is larger",
}
_STATUS = "exit status: 0 all budgets passed, 1 a budget failed, 2 analysis failed or incomplete, 130 interrupted"


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of a command; that of None is the program's, which is ``analyze`` with a shorter help."""
    module = import_module(f"ocisize.cli.commands.{command or DEFAULT}")
    formats = table("formats; -f NAME=FILE writes to a file, and can be repeated (see docs/formats.md):", module.FORMATS)
    parser = argparse.ArgumentParser(
        prog=f"ocisize {command}" if command else "ocisize",
        usage=None if command else "ocisize [COMMAND] IMAGE [OPTION ...]",
        description=f"Show {COMMANDS[command]}." if command else _describe_program(),
        epilog="\n\n".join([*([formats] if any(module.FORMATS.values()) else []), *([_IMAGE] if command else []), _STATUS]),
        formatter_class=HelpFormatter,
        parents=[common_options(module.FORMATS)],
        allow_abbrev=False,
    )
    if actions := getattr(module, "ACTIONS", None):
        parser.add_argument(
            "action", choices=list(actions), help="; ".join(f"{name}: {what}" for name, what in actions.items())
        )
    one = {"image": f"image to analyze, see {'below' if command else 'above'}"}
    images: Mapping[str, str] = getattr(module, "IMAGES", one)
    for name, what in images.items():
        parser.add_argument(name, metavar=name.upper(), help=what)
    parser.set_defaults(image="")
    if command:
        module.add_options(parser)
    else:
        module.add_options(parser, brief=True)
    parser.add_argument("--version", action="version", version=f"ocisize {ocisize.__version__}")
    return parser


def _describe_program() -> str:
    commands = table("commands (ocisize COMMAND --help shows their options):", COMMANDS)
    return "\n\n".join([_PURPOSE, commands, _IMAGE, table("examples:", _EXAMPLES)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    command = arguments.pop(0) if arguments and arguments[0] in COMMANDS else None
    prepare_streams()
    module = import_module(f"ocisize.cli.commands.{command or DEFAULT}")
    parser = make_parser(command)
    options, extras = parser.parse_known_args(arguments)
    if extras:
        parser.error(explain_extras(options.image, extras, command, {name: make_parser(name) for name in COMMANDS}))
    if wrong := settle_outputs(options, next(iter(module.FORMATS)), several=getattr(module, "SEVERAL", False)):
        parser.error(wrong)
    try:
        with _logging(options):
            status: int = module.run(options)
    except OcisizeError as error:
        for text in _describe(error, options.image):
            print_message("error", text)
        if error.hint:
            print_message("hint", error.hint)
        return UNUSABLE
    except OSError as error:
        print_message("error", f"{error.filename or 'cannot write'}: {error.strerror}")
        if not error.filename:
            silence_stream(sys.stdout)
        return UNUSABLE
    except MemoryError:
        print_message("error", "out of memory")
        return UNUSABLE
    except KeyboardInterrupt:
        print_message("error", "interrupted")
        return INTERRUPTED
    return status


def _logging(options: argparse.Namespace) -> AbstractContextManager[None]:
    """The log on standard error, as ``--verbose`` asks; its modules are imported only then."""
    if not options.verbose:
        return nullcontext()
    from ocisize.cli.stderr_log import log_to_stderr

    return log_to_stderr(options.verbose)


def _describe(error: OcisizeError, image: str) -> Sequence[str]:
    """An error in lines that name what it is about; what is wrong with budgets is not wrong with the image."""
    if isinstance(error, BudgetError):
        return error.problems or [str(error)]
    if isinstance(error, InvalidReference):  # which may hold a password that somebody wrote there
        return [str(error)]
    return [str(error) if image in str(error) else f"{image}: {error}"]
