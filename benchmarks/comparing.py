"""Measure the speed of comparisons, and check their sums on real pairs of images; print Markdown.

    python benchmarks/comparing.py OUT [--rounds N] [--write]

Saves the analysis of 200,000 files and variants of it that share no layer. Then measures, each time in a new process, the
CPU time to load two of them, and the CPU time to load them, compare them and write the text report. ``inputs/pairs.sh``
builds the pairs.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import tables
from ocisize import Analyzer, Comparison, __version__, compare, from_json, to_json
from ocisize.model.comparison import sum_file_totals
from ocisize.model.file_changes import FileChangeKind
from ocisize.report.text.diff import write_diff

CASE = "scale-200000"
PAIRS = ("package", "base", "chown")
ALLOWED = 2.0
TEXT = """\
The time to load two saved analyses, and the time of a whole `ocisize diff`: load, compare, write the text report. `{case}`
with gzip layers, {files:,} files with content on each side; no layer is shared. Measured {date} with
`benchmarks/comparing.py`, ocisize {version}, Python {python}: CPU seconds, median of {rounds} processes. The limit is {allowed:.0f}x.

{speed}

Real pairs, built by `benchmarks/inputs/pairs.sh`: the growth from BEFORE to AFTER, and the sum of the parts of the
explanation, in bytes. Both must be equal.

{pairs}
"""


def _flip(files: dict[str, Any], every: int) -> None:
    hashes = files["content_hashes"]
    for row in range(0, len(hashes), every):
        if hashes[row] is not None:
            hashes[row] = f"{int(hashes[row], 16) ^ 1:032x}"


def change_a_tenth(files: dict[str, Any]) -> None:
    """Every tenth file has another content."""
    _flip(files, 10)


def change_all(files: dict[str, Any]) -> None:
    """Every file has another content and size."""
    _flip(files, 1)
    files["sizes"] = [size + 1 + row % 7 if size else 0 for row, size in enumerate(files["sizes"])]


def move_all(files: dict[str, Any]) -> None:
    """Every file has another path."""
    files["paths"] = [f"x{path}" for path in files["paths"]]


def replace_all(files: dict[str, Any]) -> None:
    """No file has a counterpart."""
    change_all(files)
    move_all(files)


VARIANTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "a tenth of the files changed": change_a_tenth,
    "every file changed, sizes too": change_all,
    "every file at another path": move_all,
    "every file replaced by another": replace_all,
}


def save_variant(text: str, path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Save the analysis with other layers and changed files."""
    document = json.loads(text)
    for layer in document["layers"]:
        layer["digest"], layer["diff_id"] = f"sha256:{layer['index'] + 1:064x}", None
        change(layer["files"])
        layer["content_size"] = sum(layer["files"]["sizes"])
    document["content_size"] = sum(layer["content_size"] for layer in document["layers"])
    path.write_text(json.dumps(document, indent=2))


def time_once(before: Path, after: Path) -> list[float]:
    """CPU seconds to load two saved analyses, and to load and compare them and write the report."""
    started = time.process_time()
    analyses = [from_json(path.read_bytes()) for path in (before, after)]
    loaded = time.process_time()
    write_diff(compare(*analyses), io.StringIO(), width=100)
    return [loaded - started, time.process_time() - started]


def measure_speed(out: Path, rounds: int) -> tuple[str, int]:
    """The table of all variants, and the number of files with content on each side."""
    analysis = Analyzer(hash_content=True).analyze(out / CASE / "gzip")
    with tempfile.TemporaryDirectory() as name:
        before = Path(name) / "before.json"
        before.write_text(text := to_json(analysis, files=True))
        paths = {variant: Path(name) / f"{number}.json" for number, variant in enumerate(VARIANTS)}
        for variant, path in paths.items():
            save_variant(text, path, VARIANTS[variant])
        runs: dict[str, list[list[float]]] = {variant: [] for variant in VARIANTS}
        for _ in range(rounds):
            for variant, path in paths.items():
                command = [sys.executable, __file__, str(before), "--once", str(path)]
                runs[variant].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    rows = []
    for variant, times in runs.items():
        load, whole = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(both / first for first, both in times)
        rows.append([variant, f"{load:.2f}", f"{whole:.2f}", f"{ratio:.2f}x", "met" if ratio < ALLOWED else "**missed**"])
    files = sum(1 for layer in analysis.layers for size in (layer.files.sizes if layer.files else ()) if size)
    return tables.markdown(("what differs", "load s", "diff s", "ratio", ""), rows), files


def list_sums(comparison: Comparison) -> list[tuple[str, int, int]]:
    """The growth of an image in download and content, and the sums of three ways to divide it."""
    kinds = [comparison.sum_of(kind) for kind in FileChangeKind]
    kinds += [part for layer in comparison.layers for part in (layer.unchanged, layer.other) if part is not None]
    by_kind = sum_file_totals(kinds)
    parts: Sequence[tuple[str, Sequence[Any]]] = (
        ("image", [comparison]), ("layers", comparison.layers), ("files by kind, and other", [by_kind]),
        ("directories", comparison.directories),
    )  # fmt: skip
    return [(name, sum(row.compressed_growth or 0 for row in rows), sum(row.growth for row in rows)) for name, rows in parts]


def judge_pairs(out: Path) -> str:
    """The table of the pairs: growth, sums of the explanation, and the first cause."""
    layout = f"oci-dir:{out / 'pairs' / 'gzip'}"
    analyzer = Analyzer(hash_content=True, keep_layers=True)
    before, rows = analyzer.analyze(f"{layout}:before"), []
    for name in PAIRS:
        comparison = compare(before, analyzer.analyze(f"{layout}:{name}"))
        (_, compressed, content), *parts = list_sums(comparison)
        compressed_sums, content_sums = ({int(part[column]) for part in parts} for column in (1, 2))
        cause = comparison.reasons[0].text.replace("|", "\\|")
        rows.append([name, cause, f"{compressed:+,}", _bytes(compressed_sums), f"{content:+,}", _bytes(content_sums)])
    heads = ("pair", "first cause", "download", "explained", "unpacked", "explained")
    return tables.markdown(heads, rows, left=2)


def _bytes(sums: set[int]) -> str:
    """The number, or all numbers if the sums differ."""
    return " ≠ ".join(f"{number:+,}" for number in sorted(sums))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", metavar="OUT", type=Path, help="the folder that build.sh filled")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--write", action="store_true", help="write comparing.md instead of printing")
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(time_once(options.out, options.once)))
        return
    speed, files = measure_speed(options.out, options.rounds)
    text = TEXT.format(
        case=CASE,
        files=files,
        date=time.strftime("%Y-%m-%d"),
        version=__version__,
        python=platform.python_version(),
        rounds=options.rounds,
        allowed=ALLOWED,
        speed=speed,
        pairs=judge_pairs(options.out),
    )
    if options.write:
        Path(__file__).with_name("comparing.md").write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
