"""The part of reach about tables of contents: an image in eStargz or zstd:chunked, read from its tables and read whole."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cases import Case
from groups.context import Context
from groups.network import REPOSITORY, count_requests, find_tools, serve, throttled
from measure import interleave
from peers import ocisize
from results import Section
from revisions import variables

CASES = ("node-service", "python-service")
FORMS = ("zstd:chunked", "eStargz")
TABLES, WHOLE = "from tables of contents", "--no-toc"
_SLOW_ROUNDS = 1  # the link hardly varies


def tables_of_contents(context: Context) -> Iterator[Section]:
    """Bytes, requests and seconds, on loopback and over a slow link; layers are written by the writers of the tests."""
    if not find_tools():
        return
    for case in context.cases(*CASES):
        for form in FORMS:
            with tempfile.TemporaryDirectory(dir=context.out) as folder:
                layout = _convert(case, form, Path(folder))
                with serve(layout, context.out) as address:
                    yield from _measure(context, case, form, f"{address}/{REPOSITORY}:1", address)


def _measure(context: Context, case: Case, form: str, image: str, address: str) -> Iterator[Section]:
    options = {TABLES: ("--no-cache",), WHOLE: ("--no-cache", "--no-toc")}
    figures: dict[str, float] = {}
    for name, chosen in options.items():
        requests, size = count_requests(*chosen, image, kind="blobs")
        figures |= {f"{name}, requests for blobs": requests, f"{name}, bytes of blobs": size}
    commands = {name: ocisize(*chosen, image) for name, chosen in options.items()}
    outcomes = interleave(commands, context.rounds)
    key = form.partition(":")[0].lower()
    yield context.section("reach", case, key, f"{case.name}, {form}, registry on loopback", outcomes, figures)
    with throttled(address) as slow:
        commands = {name: ocisize(*chosen, f"{slow}/{REPOSITORY}:1") for name, chosen in options.items()}
        title = f"{case.name}, {form}, registry behind 100 Mbit/s and 50 ms"
        yield context.section("reach", case, f"{key}-slow", title, interleave(commands, _SLOW_ROUNDS))


def _convert(case: Case, form: str, folder: Path) -> Path:
    """A layout with the layers of a case in another form."""
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, str(root / "benchmarks" / "tocs.py"), str(case.layout("gzip")), form, str(folder / "layout")]
    subprocess.run(command, check=True, env={**variables(), "PYTHONPATH": str(root)})
    return folder / "layout"
