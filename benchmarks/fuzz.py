"""Fuzz everything that reads untrusted input, guided by coverage (pip install .[fuzz]).

    python benchmarks/fuzz.py OUT [--minutes 60] [--write] [HARNESS …]

Runs each harness of tests/fuzz in its own process under atheris, which is libFuzzer with the lines and comparisons of Python
as coverage. The minutes are divided among the harnesses by their shares. OUT keeps the corpus for later runs, the inputs that
raised an unexpected error (one for each place in the code), and the figures of all runs. ``--write`` writes fuzzing.md from
these figures, and report.py includes fuzzing.md in RESULTS.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

SECONDS_PER_INPUT, MEGABYTES, LONGEST = 20, 2048, 32 << 10  #: beyond, libFuzzer calls it a hang, a leak, too large
PACKAGES = ("ocisize", "atheris", "isal", "zstandard", "xxhash", "cattrs")
TEXT = """\
`benchmarks/fuzz.py` runs the harnesses of `tests/fuzz` under atheris (libFuzzer), each from its seeds. Every input must
give a consistent result or an `OcisizeError`. A second run, other chunks and another window must give the same. No file stays
open, and an input takes less than {seconds} s and {megabytes} MB.

{versions}

{table}

Edges are counted by libFuzzer in the bytecode of the package. {findings}"""


def fuzz(name: str, out: Path, arguments: list[str]) -> None:
    """Run one harness in this process until libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["ocisize"], enable_loader_override=False):
        from tests.fuzz.harnesses import HARNESSES
    run = HARNESSES[name].run

    def one_input(data: bytes) -> None:
        try:
            run(data)
        except Exception as error:  # kept; a known error must not end the search
            keep(error, data, out / "found" / name)

    atheris.Setup([name, *arguments], one_input, enable_python_coverage=True)
    atheris.Fuzz()


def keep(error: Exception, data: bytes, folder: Path) -> None:
    """Keep an input that raised an unexpected error, the smallest one for each place in the code."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(frame.filename).name}-{frame.lineno}" for frame in frames if "/ocisize/" in frame.filename]
    place = places[-1] if places else f"{Path(frames[-1].filename).name}-{frames[-1].lineno}"
    path = folder / f"{type(error).__name__}-{place}"
    if not path.exists() or path.stat().st_size > len(data):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.with_suffix(".txt").write_text("".join(traceback.format_exception(error))[-6000:])


def run_harness(name: str, out: Path, seconds: int) -> dict[str, Any]:
    """Run one harness for ``seconds`` and return its figures."""
    from tests.fuzz.harnesses import HARNESSES

    harness = HARNESSES[name]
    corpus, seeds, words = out / "corpus" / name, out / "seeds" / name, out / f"{name}.dict"
    for folder in (corpus, seeds, out / "found" / name):
        folder.mkdir(parents=True, exist_ok=True)
    for data in harness.seeds():
        (seeds / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    words.write_text("".join(f'"{escape(token)}"\n' for token in harness.tokens))
    command = [
        sys.executable, __file__, str(out), "--one", name, str(corpus), str(seeds), f"-max_total_time={seconds}",
        f"-timeout={SECONDS_PER_INPUT}", f"-rss_limit_mb={MEGABYTES}", f"-max_len={LONGEST}", *([f"-dict={words}"] if harness.tokens else []), "-print_final_stats=1",
        f"-artifact_prefix={out / 'found' / name}/",
    ]  # fmt: skip
    started = time.monotonic()
    result = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False
    )
    (out / f"{name}.log").write_text(result.stderr[-200_000:])
    states = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", result.stderr)
    executed = re.search(r"number_of_executed_units:\s+(\d+)", result.stderr)
    took = re.search(r"^Done \d+ runs in (\d+) second", result.stderr, re.MULTILINE)
    edges, features, inputs = map(int, states[-1]) if states else (0, 0, 0)
    return {
        "harness": name,
        "date": time.strftime("%Y-%m-%d"),
        "seconds": int(took[1]) if took else round(time.monotonic() - started),
        "executions": int(executed[1]) if executed else 0,
        "edges": edges,
        "features": features,
        "corpus": inputs,
        "found": len([path for path in (out / "found" / name).iterdir() if path.suffix != ".txt"]),
        "status": result.returncode,
        "versions": {package: metadata.version(package) for package in PACKAGES},
    }


def escape(token: bytes) -> str:
    """A word of libFuzzer's dictionaries."""
    return "".join(chr(byte) if 32 < byte < 127 and byte not in b'"\\' else f"\\x{byte:02X}" for byte in token)


def write(runs: Iterable[dict[str, Any]]) -> str:
    """The text of all runs: by harness, the executions of all runs and the coverage of the last one."""
    import tables

    by_name: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        by_name.setdefault(run["harness"], []).append(run)
    rows, everything = [], [run for harness_runs in by_name.values() for run in harness_runs]
    total: Callable[[str, list[dict[str, Any]]], int] = lambda key, runs: sum(run[key] for run in runs)
    for name, harness_runs in by_name.items():
        last = harness_runs[-1]
        figures = (
            total("seconds", harness_runs) / 60,
            total("executions", harness_runs),
            last["edges"],
            last["features"],
            last["corpus"],
        )
        rows.append([f"`{name}`", f"{figures[0]:.1f}", *(f"{figure:,}" for figure in figures[1:])])
    rows.append(["all", f"{total('seconds', everything) / 60:.1f}", f"{total('executions', everything):,}", "", "", ""])
    dates = sorted({run["date"] for run in everything})
    versions = ", ".join(f"{name} {version}" for name, version in everything[-1]["versions"].items())
    return TEXT.format(
        seconds=SECONDS_PER_INPUT,
        megabytes=MEGABYTES,
        versions=f"Run {' to '.join(dict.fromkeys([dates[0], dates[-1]]))}, one process at a time; {versions}.",
        table=tables.markdown(["harness", "minutes", "executions", "edges", "features", "corpus"], rows),
        findings=(HERE / "findings.md").read_text().strip(),
    ) + "\n"  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("harnesses", nargs="*", metavar="HARNESS")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--write", action="store_true", help="write fuzzing.md from all runs so far")
    if sys.argv[2:3] == ["--one"]:
        fuzz(sys.argv[3], Path(sys.argv[1]), sys.argv[4:])
        return
    options = parser.parse_intermixed_args()
    from tests.fuzz.harnesses import HARNESSES

    figures = options.out / "runs.json"
    chosen = {name: HARNESSES[name] for name in options.harnesses or HARNESSES} if options.minutes else {}
    shares = sum(harness.share for harness in chosen.values())
    for name, harness in chosen.items():
        run = run_harness(name, options.out, round(60 * options.minutes * harness.share / shares))
        print({key: value for key, value in run.items() if key != "versions"}, flush=True)
        if not run["executions"]:
            sys.exit(f"{name} did not run: see {options.out / name}.log")
        runs = json.loads(figures.read_text()) if figures.exists() else []
        figures.write_text(json.dumps([*runs, run], indent=1))
    if options.write:
        (HERE / "fuzzing.md").write_text(write(json.loads(figures.read_text())))


if __name__ == "__main__":
    main()
