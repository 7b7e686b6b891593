"""The options of ``ocisize fleet`` that say whether and where layers are read."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ocisize.cli.options import positive
from ocisize.errors import ViewError

if TYPE_CHECKING:
    import argparse

    from ocisize.analyzer import Analyzer
    from ocisize.fleet.engine.executors import LayerEngine
    from ocisize.model.fleet_figures import FleetFigures
    from ocisize.model.fleet_files import FleetFiles

_SERIAL, _PROCESSES = "serial", "processes"
_MEMORY_SHARE = 2  # divisor: the part of --max-memory that the comparison of contents may take
_COPIES = "also read each distinct layer, once: copies of files, junk, secrets, packages, and what one base would save"


def add_engine_options(parser: argparse.ArgumentParser, *, files_help: str = _COPIES) -> None:
    """Add ``--files``, with its help, and the options of engines."""
    add = parser.add_argument
    add("--files", action="store_true", help=files_help)
    add(
        "--engine", choices=(_SERIAL, _PROCESSES), metavar="ENGINE",
        help=f"with --files, where layers are read: {_PROCESSES}, as many as --jobs says, or {_SERIAL} "
        f"(default: {_PROCESSES})",
    )  # fmt: skip
    add(
        "--dask", metavar="SCHEDULER",
        help="with --files, read layers with the workers of this scheduler of Dask: its address or its scheduler file",
    )  # fmt: skip
    add(
        "--per-store", type=positive, metavar="N",
        help="with --files, how many layers of one registry to read at once (default: 8)",
    )  # fmt: skip


def check_engine_options(options: argparse.Namespace) -> None:
    """Raise ViewError for options that contradict each other."""
    if options.dask and options.engine:
        raise ViewError("--engine and --dask: choose one of them")
    if not options.files and (options.dask or options.engine or options.per_store):
        named = next(name for name in ("dask", "engine", "per_store") if getattr(options, name))
        raise ViewError(f"--{named.replace('_', '-')} needs --files", hint="without --files no layer is read")


def read_files(figures: FleetFigures, options: argparse.Namespace, analyzer: Analyzer) -> FleetFiles | None:
    """Read the layers of a fleet as the options say; None without ``--files``. Raises OcisizeError."""
    if not options.files:
        return None
    from ocisize.cli.progress_line import ProgressLine
    from ocisize.fleet.engine.collect import PER_STORE
    from ocisize.fleet.files.contents import DEFAULT_MEMORY
    from ocisize.fleet.files.read import read_fleet_files

    is_shown = not options.quiet and not options.verbose and sys.stderr.isatty()
    line = ProgressLine(sys.stderr) if is_shown else None
    with line or nullcontext():
        return read_fleet_files(
            figures,
            engine=make_engine(options),
            cache=analyzer.cache,
            connection=analyzer.connection,
            limits=analyzer.limits,
            catalog=analyzer.catalog,
            per_store=options.per_store or PER_STORE,
            memory=options.max_memory // _MEMORY_SHARE if options.max_memory else DEFAULT_MEMORY,
            on_progress=line.update if line is not None else None,
        )


def make_engine(options: argparse.Namespace) -> LayerEngine:
    """Return the engine that the options name."""
    from ocisize.fleet.engine.executors import DaskEngine, ProcessEngine, SerialEngine

    if options.dask:
        return DaskEngine(options.dask)
    if options.engine == _SERIAL:
        return SerialEngine()
    return ProcessEngine(options.jobs) if options.jobs else ProcessEngine()
