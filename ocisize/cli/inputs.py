"""Analyze images as the options say, and print warnings on standard error."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import ocisize
from ocisize.cli.caching import open_cache
from ocisize.cli.notes import show_index_notes, show_unread, show_warnings
from ocisize.cli.terminal import print_message, show_progress
from ocisize.errors import ViewError
from ocisize.report.formats import FORMATS
from ocisize.sources.schemes import plain_path
from ocisize.values import evolve

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from ocisize.analyzer import Analyzer
    from ocisize.dockerfile.parse import Dockerfile
    from ocisize.limits import Limits
    from ocisize.model.analysis import Analysis
    from ocisize.model.build_files import BuildFiles
    from ocisize.model.outline import IndexOutline
    from ocisize.model.platforms import IndexAnalysis

DOCKERFILE = "Dockerfile"
_REPEATED = ("platform", "select", "base", "rules", "dockerfile", "ca_cert", "client_cert", "client_key")
_REPEATED_FLAGS = ("insecure", "tls_no_verify", "no_mirrors", "no_toc", "unverified_toc", "no_attestations")
_MANY_ROWS = 1000  # of a list in a report; more count in the memory law
_METADATA = 512  # bytes of names and headers that come with each entry that is allowed


def read_image(
    options: argparse.Namespace,
    *,
    hash_content: bool = False,
    estimate_download: bool = False,
    base: str | None = None,
    rules: Sequence[str] | None = None,
    build_files: BuildFiles | None = None,
    advice: bool = True,
    files: bool = True,
    packages: bool = False,
) -> Analysis:
    """Analyze the image of the options, with the users' ``rules`` and the packaged rules; raises OcisizeError.

    ``files`` False is for reports and budgets that need no file tables, ``packages`` for those that show packages.
    """
    analyzer = make_analyzer(
        options, hash_content=hash_content, estimate_download=estimate_download, base=base, rules=rules, advice=advice
    )
    analyzer.build_files, analyzer.files, analyzer.packages = build_files, files, packages
    return read_image_with(analyzer, options, select=options.select)


def read_image_with(analyzer: Analyzer, options: argparse.Namespace, *, select: str | None) -> Analysis:
    """Analyze the image of the options, or the one of a file that ``select`` names; raises OcisizeError."""
    with show_progress(analyzer, show=_shows_progress(options)):
        analysis = analyzer.analyze(options.image, select=select)
    show_warnings(options, analysis.warnings, analyzer)
    show_unread(analysis)
    return analysis


def read_all(
    options: argparse.Namespace,
    *,
    hash_content: bool = False,
    estimate_download: bool = False,
    advice: bool = True,
    packages: bool = False,
) -> IndexAnalysis:
    """Analyze the images of all platforms; raises OcisizeError."""
    refuse_platform(options)
    base, rules = options.base, options.rules
    analyzer = make_analyzer(
        options, hash_content=hash_content, estimate_download=estimate_download, base=base, rules=rules, advice=advice
    )
    analyzer.packages = packages
    with show_progress(analyzer, show=_shows_progress(options)):
        index = analyzer.analyze_all(options.image, select=options.select)
    show_index_notes(options, index, index.analyses, analyzer)
    for name, analysis in index.analyses.items():
        show_unread(analysis, about=name)
    return index


def _shows_progress(options: argparse.Namespace) -> bool:
    """The progress is for terminals only; the lines of a log would tear it."""
    return not options.quiet and not options.verbose and sys.stderr.isatty()


def refuse_platform(options: argparse.Namespace) -> None:
    """Raise ViewError if one platform is asked for beside all of them."""
    if options.platform:
        raise ViewError("--all-platforms and --platform: choose one of them")


def refuse_absent(index: IndexAnalysis | IndexOutline) -> None:
    """Raise ViewError if the index names platforms whose manifests are missing: their budgets cannot be judged."""
    if index.absent:
        raise ViewError(
            f"budgets cannot be checked for {', '.join(index.absent)}: listed in the index, but its manifest is missing",
            hint="choose another platform with --platform, or analyze the image in its registry",
        )


def make_analyzer(
    options: argparse.Namespace,
    *,
    hash_content: bool = False,
    estimate_download: bool = False,
    base: str | None = None,
    rules: Sequence[str] | None = None,
    advice: bool = True,
) -> Analyzer:
    """An analyzer with the options of all commands.

    ``estimate_download`` is for reports that show the estimate, or findings that depend on it: a sample costs time.
    ``advice`` is for reports that show findings or the plan, and for verdicts on budgets, which name findings.
    """
    from ocisize.analyzer import Analyzer

    analyzer = Analyzer(
        platform=options.platform,
        verify=options.verify,
        use_toc=not options.no_toc,
        use_unverified_toc=options.unverified_toc,
        use_attestations=not options.no_attestations,
        hash_content=hash_content,
        estimate_download=estimate_download,
        use_processes=True,
        base=base,
        advice=advice,
    )
    if rules:
        from pathlib import Path

        from ocisize.rules.load import load_catalog

        analyzer.catalog = load_catalog([Path(path) for path in rules])
    analyzer.cache = open_cache(options)
    analyzer.limits = make_limits(options)
    analyzer.keep_going = bool(options.keep_going)
    if options.jobs:
        analyzer.jobs = options.jobs
    if options.max_memory:
        from ocisize.limits import limits_within

        analyzer.limits = limits_within(options.max_memory, analyzer.limits, jobs=analyzer.jobs, times=_times(options))
        analyzer.use_processes = False  # they use memory of their own
    if changes := _connection_changes(options):
        analyzer.connection = ocisize.Connection(pool_size=max(analyzer.jobs, 8), **changes)
    return analyzer


def _connection_changes(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of ``Connection`` that the options set; raises ViewError for a key without its certificate."""
    if options.client_key and not options.client_cert:
        raise ViewError("--client-key needs --client-cert, the certificate of the key")
    fields = {
        "plain_http": options.insecure or None,
        "tls_verify": False if options.tls_no_verify else None,
        "ca_certs": options.ca_cert,
        "client_cert": options.client_cert,
        "client_key": options.client_key,
        "mirrors": False if options.no_mirrors else None,
        "deadline": options.deadline,
    }
    return {name: value for name, value in fields.items() if value is not None}


def repeat_arguments(options: argparse.Namespace) -> list[str]:
    """The image and the options that say how to read it, for another command about the same image."""
    arguments = [options.image]
    for name in _REPEATED:
        value = vars(options).get(name)
        for text in value if isinstance(value, list) else [value]:
            arguments += [f"--{name.replace('_', '-')}", text] if text else []
    return [*arguments, *(f"--{name.replace('_', '-')}" for name in _REPEATED_FLAGS if vars(options).get(name))]


def name_of_dockerfile(options: argparse.Namespace) -> str:
    """The path of the Dockerfile as reports show it: relative if it is in the current folder."""
    path = os.path.normpath(options.dockerfile or DOCKERFILE)
    inside = os.path.relpath(path)
    return path if inside.startswith("..") else inside


def name_reported_dockerfile(
    options: argparse.Namespace, analyses: Iterable[Analysis], dockerfile: Dockerfile | None
) -> str:
    """The path of the Dockerfile whose lines reports show; without a file, the one that the provenance of an image names."""
    if options.dockerfile is None and dockerfile is None:
        sources = (layer.source for analysis in analyses for layer in reversed(analysis.layers))
        if source := next(filter(None, sources), None):
            return source.file
    return name_of_dockerfile(options)


def read_build_files(options: argparse.Namespace) -> BuildFiles | None:
    """The Dockerfile of ``--dockerfile``, or ``./Dockerfile`` if there is one, with its ignore file.

    Prints a warning if the Dockerfile of ``--dockerfile`` cannot be read.
    """
    path = plain_path(options.dockerfile or DOCKERFILE)
    try:
        text = _read_text(path)
    except OSError as error:
        if options.dockerfile and not options.quiet:
            print_message("warning", f"--dockerfile: {path}: {error.strerror}; the plan names no lines")
        return None
    from pathlib import Path

    from ocisize.dockerfile.ignore import ignore_names
    from ocisize.model.build_files import BuildFiles

    name = name_of_dockerfile(options)
    names = ignore_names(name)
    ignore = next((ignore for ignore in names if Path(ignore).is_file()), names[-1])
    ignore_text = _read_text(ignore) if Path(ignore).is_file() else None
    return BuildFiles(dockerfile=name, text=text, ignore=ignore, ignore_text=ignore_text)


def warn_of_misfit(options: argparse.Namespace, files: BuildFiles | None, analysis: Analysis) -> None:
    """Print a warning if the Dockerfile of ``--dockerfile`` was read but did not make the layers of the image."""
    plan = analysis.plan
    is_used = plan.dockerfile is not None and not plan.from_provenance
    if options.dockerfile and files is not None and not is_used and not options.quiet:
        named = "those of its provenance" if plan.from_provenance else "no lines"
        print_message(
            "warning", f"--dockerfile: {options.dockerfile} did not make the layers of this image; the plan names {named}"
        )


def _read_text(path: str) -> str:
    """The text of a file with its line breaks; bytes that are not UTF-8 become surrogate escapes."""
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")


def read_dockerfile(
    options: argparse.Namespace, analyses: Iterable[Analysis], files: BuildFiles | None = None
) -> Dockerfile | None:
    """The Dockerfile if a format shows findings at its lines; None if it cannot be read.

    ``files`` are those of ``read_build_files`` if they were read before. Prints a warning if the Dockerfile of
    ``--dockerfile`` cannot be read or belongs to none of the images.
    """
    if not any(FORMATS[output.format].dockerfile_lines for output in options.outputs):
        return None
    from ocisize.dockerfile.lines import find_lines
    from ocisize.dockerfile.parse import parse_dockerfile

    path, problem = plain_path(options.dockerfile or DOCKERFILE), ""
    dockerfile = None
    try:
        dockerfile = parse_dockerfile(_read_text(path) if files is None else files.text)
    except OSError as error:
        problem = f"{error.strerror}; findings are shown at its first line"
    else:
        steps = [[layer.build_step for layer in analysis.layers] for analysis in analyses]
        if not any(any(find_lines(image_steps, dockerfile)) for image_steps in steps):
            problem = "no layer matches its instructions; findings are shown at its first line"
    if problem and options.dockerfile and not options.quiet:
        print_message("warning", f"--dockerfile: {path}: {problem}")
    return dockerfile


def _times(options: argparse.Namespace) -> int:
    """The factor of the entries in the memory law of ``ocisize.limits``."""
    from ocisize.limits import TIMES_EVERY_FILE, TIMES_LONG_TABLES, TIMES_TWO_IMAGES

    if (vars(options).get("top") or 0) > _MANY_ROWS:  # commands without lists have no --top
        return TIMES_LONG_TABLES
    formats = [FORMATS[output.format] for output in options.outputs]
    if options.files or any(row.lists_files or row.needs_packages for row in formats):
        return TIMES_EVERY_FILE
    return TIMES_TWO_IMAGES if options.all_platforms or options.before else 1


def make_limits(options: argparse.Namespace) -> Limits:
    """The limits with the changes of the options."""
    from ocisize.limits import Limits

    limits = Limits()
    size, ratio, entries = options.max_layer_size, options.max_ratio, options.max_entries
    return evolve(
        limits,
        layer_size=size or limits.layer_size,
        image_size=max(size or 0, limits.image_size),
        ratio=ratio or limits.ratio,
        entries=entries or limits.entries,
        metadata_size=max((entries or 0) * _METADATA, limits.metadata_size),
    )
