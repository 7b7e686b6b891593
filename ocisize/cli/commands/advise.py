"""``ocisize advise IMAGE``: the plan step by step, the edited build steps, and all other findings; or the patch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ocisize.cli.inputs import DOCKERFILE, name_of_dockerfile, read_build_files, read_image, warn_of_misfit
from ocisize.cli.options import (
    KEPT,
    add_dockerfile,
    add_finding_options,
    add_keep_going,
    color_mode,
    count,
    incomplete_status,
)
from ocisize.cli.terminal import open_output, print_message
from ocisize.errors import ViewError

if TYPE_CHECKING:
    import argparse

    from ocisize.model.analysis import Analysis


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--all", action="store_true", help="show every step and finding at length (default: small ones take one line)"
    )
    length.add_argument(
        "--top", type=count, metavar="N", help="show the first N of each list at length, the others in one line each"
    )
    parser.add_argument(
        "--patch",
        action="store_true",
        help="write the plan's edits of the Dockerfile and .dockerignore as a unified diff, for git apply",
    )
    add_dockerfile(parser)
    add_finding_options(parser)
    add_keep_going(parser)


def run(options: argparse.Namespace) -> int:
    """Analyze, and write the plan and the findings, or the patch."""
    if options.patch and options.format != "text":
        raise ViewError(
            f"--patch writes a diff, not {options.format}", hint="-f json without --patch has the patch as plan.patch"
        )
    files = read_build_files(options)
    if options.patch and options.format != "text":
        raise ViewError("--patch and -f exclude each other: a patch is one format")
    if options.patch and files is None and (options.dockerfile or options.no_attestations):
        raise _refuse_patch("")
    analysis = read_image(
        options, estimate_download=True, base=options.base, rules=options.rules, build_files=files, files=False
    )
    if options.patch:
        return _write_patch(options, analysis, has_file=files is not None)
    warn_of_misfit(options, files, analysis)
    with open_output(options) as file:
        if options.format == "json":
            from ocisize.report.json.advice import advice_to_json

            file.write(advice_to_json(analysis) + "\n")
        else:
            from ocisize.report.text.advise import write_advise

            top = sys.maxsize if options.all else options.top
            write_advise(analysis, file, top=top, color=color_mode(options), assumptions=options.cost)
    return incomplete_status(KEPT, complete=analysis.lacks_only_foreign)


def _refuse_patch(more: str) -> ViewError:
    return ViewError(
        f"--patch needs a Dockerfile: there is no {DOCKERFILE} here{more}", hint="name it with --dockerfile FILE"
    )


def _write_patch(options: argparse.Namespace, analysis: Analysis, *, has_file: bool) -> int:
    """Write the patch of the plan; nothing if the plan has no edits."""
    plan = analysis.plan
    if plan.dockerfile is None and not has_file:
        raise _refuse_patch(", and none in the provenance of the image")
    if plan.dockerfile is None or (options.dockerfile and plan.from_provenance):
        raise ViewError(f"--patch: the instructions of {name_of_dockerfile(options)} did not make the layers of this image")
    if plan.patch_error:
        raise ViewError(f"--patch: {plan.patch_error}")
    if not plan.patch and not options.quiet:
        print_message("note", "nothing to patch: the plan has no step that can be carried out by an edit")
    data = _for_git(plan.patch, options).encode("utf-8", "surrogateescape")  # the bytes of the files, line breaks included
    if options.output:
        Path(options.output).write_bytes(data)
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    return incomplete_status(KEPT, complete=analysis.lacks_only_foreign)


def _for_git(patch: str, options: argparse.Namespace) -> str:
    """The patch with names that begin at the root of the repository of the current folder, if there is one.

    In a folder below the root, git takes names from the root, and skips files outside of the folder without a word.
    """
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    if root == here or not patch:
        return patch
    from ocisize.dockerfile.read_diff import read_patch, rename_files

    is_outside = any(os.path.normpath(file.name).startswith("..") for file in read_patch(patch)[1])
    if is_outside and not options.quiet:
        print_message("note", f"run git apply in {root}: elsewhere it skips the files of this patch")
    return rename_files(patch, lambda name: os.path.relpath(here / name, root))
