"""The command line: arguments to library calls to exit status, and the only place that prints.

The first argument may name a command of ``command_table``; without a name the command is ``analyze``. A command about
several images keeps in ``options.image`` the image that an error is about.

Exit status: 0 analyzed, 1 a budget failed, 2 analysis failed or was incomplete (usage, budgets, network, broken image),
130 interrupted.
"""

from __future__ import annotations

import errno
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import ocisize
from ocisize.cli.command_table import COMMANDS, DEFAULT, take_command
from ocisize.cli.help import HelpFormatter, table
from ocisize.cli.options import ABSENT, INTERRUPTED, UNUSABLE, MetavarCheck, common_options, settle_outputs
from ocisize.cli.parser import MissingArguments, Parser, UsageError
from ocisize.cli.terminal import prepare_streams, print_message, silence_stream
from ocisize.errors import (
    ArchiveError,
    BudgetError,
    IncompleteAnalysis,
    InvalidReference,
    LayerError,
    OcisizeError,
    PlatformError,
    SourceError,
)
from ocisize.sources.schemes import SCHEMES, names_registry, reads_standard_input, trim_input
from ocisize.text import name_input

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

_PURPOSE = "Show how big a container image is: download, unpacked and wasted bytes, and which layers and files cause them."
_IMAGE = f"""\
IMAGE is a reference (registry.io/app:tag), a docker save archive, an OCI archive, an OCI layout folder, or - for an \
archive from standard input. \
A scheme selects the kind explicitly: {", ".join(scheme.usage for scheme in SCHEMES if scheme.usage)}."""
_EXAMPLES = {
    "ocisize debian:12": "an image in a registry",
    "ocisize app.tar -f json": "a saved image, for programs",
    "docker save app | ocisize -": "an image of an engine, through a pipe",
    "ocisize advise app.tar": "what to change in the build, step by step",
    "ocisize files app.tar --glob '*.pyc'": "the largest Python bytecode files",
    "ocisize app.tar --max-download 120MB": "exit status 1 if the download is larger",
}
_FORMATS = "formats; -f NAME=FILE writes to a file, and can be repeated (see docs/formats.md):"
_STATUS = "exit status: 0 all budgets passed, 1 a budget failed, 2 analysis failed or incomplete, 130 interrupted"

COMPLETE = "__complete"  #: the command that the scripts of shells call
_NO_MEMORY = "not enough memory for this image and this report"
_LIMIT_MEMORY = (
    "--max-memory SIZE refuses an image that needs more before the memory is used; --jobs 1 and a report that lists no "
    "files need less"
)


def make_parser(command: str | None = None) -> Parser:
    """The parser of a command; None is the program itself, which has the options of ``analyze`` and a shorter help."""
    row = COMMANDS[command or DEFAULT]
    described = any(row.formats.values())
    formats = table(_FORMATS, row.formats) if described else ""
    parser = Parser(
        prog=f"ocisize {command}" if command else "ocisize",
        usage=None if command else "ocisize [COMMAND] IMAGE [OPTION ...]",
        description=f"Show {row.about}." if command else _describe_program(),
        epilog="\n\n".join(filter(None, [formats, _IMAGE if command and row.reads_images else "", _STATUS])),
        formatter_class=MetavarCheck,
        parents=[common_options(row.formats)] if row.reads_images else [],
        allow_abbrev=False,
    )
    if row.actions:
        text = "; ".join(f"{name}: {about}" for name, about in row.actions.items())
        parser.add_argument("action", choices=list(row.actions), help=text)
    images = row.images or {"image": f"image to analyze, see {'below' if command else 'above'}"}
    for name, text in images.items() if row.reads_images else ():
        nargs = "+" if row.several_images else None
        metavar = "IMAGE" if row.several_images else name.upper()
        parser.add_argument(name, metavar=metavar, type=trim_input, nargs=nargs, help=text)
    parser.set_defaults(**ABSENT)
    if command:
        row.load().add_options(parser)
    else:
        from ocisize.cli.commands.analyze import add_brief_options

        add_brief_options(parser)
    parser.add_argument("--version", action="version", version=f"ocisize {ocisize.__version__}")
    parser.formatter_class = HelpFormatter
    return parser


def _describe_program() -> str:
    commands = table(
        "commands (ocisize COMMAND --help shows their options):", {name: row.about for name, row in COMMANDS.items()}
    )
    return "\n\n".join([_PURPOSE, commands, _IMAGE, table("examples:", _EXAMPLES)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    command, arguments = take_command(sys.argv[1:] if arguments is None else arguments)
    prepare_streams()
    if command is None and arguments[:1] == [COMPLETE]:
        from ocisize.cli.completion import complete, format_candidates

        sys.stdout.write(format_candidates(complete(arguments[1:], make_parser)))
        return 0
    row = COMMANDS[command or DEFAULT]
    try:
        options = _parse(command, arguments)
    except UsageError as error:
        print_message("error", error.text)
        print_message("hint", error.hint or f"ocisize {f'{command} ' if command else ''}--help shows the options")
        sys.exit(UNUSABLE)
    try:
        with _open_log(options):
            status = row.load().run(options)
    except OcisizeError as error:
        for text in _describe(error, options.image):
            print_message("error", text, _choices(error))
        if hint := _advise(error, options):
            print_message("hint", hint)
        return UNUSABLE
    except (OSError, MemoryError, RuntimeError, ImportError) as error:
        return _report_system_error(error)
    except KeyboardInterrupt:
        print_message("error", "interrupted")
        return INTERRUPTED
    return status


def _parse(command: str | None, arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command, with its outputs settled; raises UsageError."""
    row = COMMANDS[command or DEFAULT]
    parser = make_parser(command)
    try:
        options, extras = parser.parse_known_args(arguments)
    except MissingArguments as error:
        from ocisize.cli.usage import explain_missing

        raise explain_missing(error, arguments, command, _make_parsers()) from None
    except UsageError as error:
        from ocisize.cli.usage import explain_single_dash

        raise explain_single_dash(arguments, command, _make_parsers()) or error from None
    if extras:
        from ocisize.cli.usage import explain_extras

        raise explain_extras(options.image, extras, command, _make_parsers())
    if row.reads_images:
        _refuse_second_pipe(options)
    if row.reads_images:
        settle_outputs(options, next(iter(row.formats)), several=row.several_reports)
    for image in filter(None, (options.image, options.before, options.after, *options.images)):
        if names_registry(image):
            from ocisize.cli.usage import refuse_misspelled_file, refuse_word

            if command is None:
                refuse_word(image, COMMANDS)
            refuse_misspelled_file(image)
    return options


def _refuse_second_pipe(options: argparse.Namespace) -> None:
    """Raise UsageError if two images are to come from standard input."""
    bases = options.base if isinstance(options.base, list) else [options.base]
    images = [image for image in (options.image, options.before, options.after, *options.images, *bases) if image]
    if sum(map(reads_standard_input, images)) > 1:
        raise UsageError(
            "two images cannot come from standard input",
            "save one of them to a file: docker save -o before.tar app:1; docker save app:2 | ocisize diff before.tar -",
        )


def _make_parsers() -> Mapping[str, Parser]:
    return {name: make_parser(name) for name in COMMANDS}


def _report_system_error(error: Exception) -> int:
    """Print an error of the system, and return the exit status. Raises the error if it is another one."""
    if _is_out_of_memory(error):
        print_message("error", _NO_MEMORY)
        print_message("hint", _LIMIT_MEMORY)
    elif isinstance(error, OSError):
        print_message("error", f"{error.filename or 'cannot write'}: {error.strerror}")
        if not error.filename:
            silence_stream(sys.stdout)
    else:
        raise error
    return UNUSABLE


def _is_out_of_memory(error: Exception) -> bool:
    """Whether the system gave no memory: to an object, or to a thread or a module, which have errors of their own."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error)
    return isinstance(error, MemoryError) or "start new thread" in text or "failed to map segment" in text


def _open_log(options: argparse.Namespace) -> AbstractContextManager[None]:
    """The log on standard error, as ``--verbose`` asks; its modules are imported only then."""
    if not options.verbose:
        return nullcontext()
    from ocisize.cli.stderr_log import log_to_stderr

    return log_to_stderr(options.verbose)


def _describe(error: OcisizeError, image: str) -> Sequence[str]:
    """The lines of an error message, with the name of the image unless the error is about budgets."""
    if isinstance(error, BudgetError):
        return error.problems or [str(error)]
    if isinstance(error, IncompleteAnalysis | InvalidReference):  # one names an image, the other may hold a password
        return [str(error)]
    text = f"{error.heading}:" if isinstance(error, ArchiveError) and error.items else str(error)
    name = name_input(image)
    return [text if name in text else f"{name}: {text}"]


def _advise(error: OcisizeError, options: argparse.Namespace) -> str | None:
    """The hint of an error; for a layer that cannot be read also how to report the others, and that names come first."""
    if isinstance(error, ArchiveError) and error.items and error.hint and options.platform:
        return f"{error.hint}; --platform chooses among the images of one name"
    if isinstance(error, SourceError) and names_registry(options.image):
        from ocisize.cli.usage import find_near_file

        if near := find_near_file(options.image):
            return f"did you mean the file {near}?"
        from ocisize.sources.stores.local_hint import find_local_image

        if local := find_local_image(options.image):
            other = (error.hint or "").partition("; if the image is local")[0]  # how to save it, which is not needed here
            return "; ".join(filter(None, [local, other]))
    cause = error.cause if isinstance(error, PlatformError) else error
    if not isinstance(cause, LayerError) or options.keep_going is not False:  # None: the command reports whole images only
        return error.hint
    others = "--keep-going reports the other layers"
    return f"{error.hint}; {others}" if error.hint else others


def _choices(error: OcisizeError) -> Sequence[str]:
    """The images that an error lists, to be printed one a line."""
    return error.items if isinstance(error, ArchiveError) else ()
