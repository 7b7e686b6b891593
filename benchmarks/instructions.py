"""Instructions of start-up and of the hot path, counted by valgrind: the load of the machine does not change them.

    python benchmarks/instructions.py            # count, and compare with the budget
    python benchmarks/instructions.py --write    # make the counts the new budget

Steps are counted per entry, in one process: each runs on inputs of two lengths, and their difference has no fixed costs.
Commands are counted as whole processes whose modules are compiled before.

CI fails when the code exceeds the budget in ``instructions.json``; give the reason for a higher budget in the commit message.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from imagefile import BLOCK, ImageWriter, pax_header

REPOSITORY = Path(__file__).parent.parent
BUDGET = Path(__file__).with_name("instructions.json")
WARM, SHORT, LONG = 200, 1000, 2000  # entries
EXAMPLE = str(REPOSITORY / "testdata" / "example.tar")
COMMANDS = {  # arguments of ocisize
    "start --help": ("--help",),
    "start and report": ("-q", "--no-cache", EXAMPLE),
    "report from the cache": ("-q", EXAMPLE),
}
_FIELDS = b"0000644\x000000000\x000000000\x00%011o\x0000000000000\x00        0"
_BODY = bytes(range(256)) * 8
_MARK = "ctermid"  # a function of the C library that nothing else calls: valgrind ends a part of its counts there
_TIMEOUT = 1200  # seconds

Run = Callable[[], object]


def version() -> str:
    """The interpreter whose instructions are counted."""
    return f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor} {platform.machine()}"


def budget() -> dict[str, int]:
    """Allowed instructions by step, per entry, and by command; empty for an interpreter without a budget."""
    budgets: dict[str, dict[str, int]] = json.loads(BUDGET.read_text())
    return budgets.get(version(), {})


# --- inputs ---


def write_inputs(folder: Path, entries: int) -> None:
    """The inputs of all steps: one tree as tars without and with PAX headers, another tree, and an image."""
    folder.mkdir()
    (folder / "plain.tar").write_bytes(make_tar(entries))
    (folder / "other.tar").write_bytes(make_tar(entries, b"opt"))
    (folder / "times.tar").write_bytes(make_tar(entries, records=("mtime",)))
    (folder / "paths.tar").write_bytes(make_tar(entries, records=("path", "mtime")))
    image = ImageWriter(folder)
    for layer in (make_tar(entries - entries // 5), make_tar(entries // 5)):  # the second layer stores files again
        with image.layer("COPY . /srv") as target:
            target.write(layer[: -2 * BLOCK])  # the writer ends the tar
    image.finish()


def make_tar(entries: int, root: bytes = b"srv", records: Sequence[str] = ()) -> bytes:
    """A tar like a tree of small packages: eight files in a directory, up to 1,500 bytes each, of different content.

    ``records`` names the records of a PAX header before each entry.
    """
    tar = bytearray()
    for number in range(entries):
        size = number * 37 % 1500
        name = root + b"/app/node_modules/package-%d/lib/module_%d.js" % (number // 8, number)
        values = {"path": name, "mtime": b"1700000000.%09d" % (number * 1_000_003 % 1_000_000_000)}
        if records:
            tar += pax_header([(record.encode(), values[record]) for record in records])
        block = bytearray(name.ljust(100, b"\0") + _FIELDS % size + bytes(100) + b"ustar\x0000").ljust(BLOCK, b"\0")
        block[148:156] = b"%06o\0 " % sum(block)
        tar += block + (b"%08d" % number + _BODY)[:size] + bytes(-size % BLOCK)
    return bytes(tar + bytes(2 * BLOCK))


# --- steps, in the process that valgrind watches ---


def _scan(name: str, folder: Path, *, in_place: bool = False) -> Run:
    """Scan a tar, as a stream or as a layer of a local archive."""
    from ocisize.blob.region import FileRegion
    from ocisize.excerpts.collect import Excerpts
    from ocisize.layer.kept_files import BEGINNINGS, PATH_PARTS, KeptFiles
    from ocisize.layer.scan import MAX_HASHED_IN_PLACE
    from ocisize.tar.scanner import scan_tar

    path = folder / name
    file = os.open(path, os.O_RDONLY)  # the end of the process closes it

    def scan() -> object:
        region = FileRegion(file, 0, path.stat().st_size)
        if not in_place:
            return scan_tar(region, wanted=KeptFiles(), beginnings=BEGINNINGS, path_parts=PATH_PARTS, excerpts=Excerpts())
        return scan_tar(
            region, hash_up_to=MAX_HASHED_IN_PLACE, wanted=KeptFiles(), beginnings=BEGINNINGS, window_size=64 << 10
        )

    return scan


def _merge(upper: str, folder: Path) -> Run:
    """Lay a tree over another, or over itself."""
    from ocisize.filesystem.duplicates import find_duplicates
    from ocisize.filesystem.overlay import overlay_all
    from ocisize.filesystem.waste import find_waste

    tables: list[Any] = [_scan(name, folder)() for name in ("plain.tar", upper)]

    def merge() -> None:
        overlay = overlay_all(tables)
        find_waste(tables, overlay)
        find_duplicates(tables, overlay)

    return merge


def _analysis(folder: Path) -> Run:
    """The first analysis of an image whose layers were read."""
    from ocisize import Analyzer, pipeline

    kept: list[Run] = []
    analyze_layers = pipeline.analyze_layers

    def keep(*arguments: Any, **options: Any) -> Any:
        kept.append(partial(analyze_layers, *arguments, **options))

    pipeline.analyze_layers = keep
    Analyzer(jobs=1, estimate_download=False).analyze(folder / "docker.tar")
    pipeline.analyze_layers = analyze_layers
    return kept[0]


#: step → from a folder of inputs, what to count
STEPS: dict[str, Callable[[Path], Run]] = {
    "scan": partial(_scan, "plain.tar"),
    "scan in place": partial(_scan, "plain.tar", in_place=True),
    "scan PAX times in place": partial(_scan, "times.tar", in_place=True),
    "scan PAX paths in place": partial(_scan, "paths.tar", in_place=True),
    "merge the same": partial(_merge, "plain.tar"),
    "merge apart": partial(_merge, "other.tar"),
    "analysis": _analysis,
}


def run_steps(folder: Path) -> None:
    """Run every step, first to fill caches, then between marks on the short and on the long input."""
    for prepare in STEPS.values():
        prepare(folder / "warm")()
        for length in ("short", "long"):
            run = prepare(folder / length)
            gc.collect()
            gc.freeze()  # what other steps left costs nothing here
            os.ctermid()
            run()
            os.ctermid()


# --- counting ---


def count_steps(folder: Path) -> dict[str, int]:
    """Instructions per entry by step."""
    for name, entries in (("warm", WARM), ("short", SHORT), ("long", LONG)):
        write_inputs(folder / name, entries)
    output = folder / "counts"
    _run([sys.executable, __file__, "--run", str(folder)], folder)  # writes the .pyc files
    _count([sys.executable, __file__, "--run", str(folder)], folder, f"--dump-before={_MARK}", output=output)
    parts = [_total(output.with_name(f"counts.{number}")) for number in range(1, 4 * len(STEPS) + 1)]
    runs = parts[1::2]  # the others are what lies between runs
    return {name: (long - short) // (LONG - SHORT) for name, short, long in zip(STEPS, runs[::2], runs[1::2], strict=True)}


def count_command(folder: Path, arguments: Sequence[str]) -> int:
    """Instructions of a whole process of ocisize."""
    command = [sys.executable, "-m", "ocisize", *arguments]
    _run(command, folder)  # writes the .pyc files, and fills the cache
    output = folder / "counts"
    _count(command, folder, output=output)
    return _total(output)


def _total(counts: Path) -> int:
    """The sum of a file that valgrind wrote."""
    match = re.search(r"^(?:summary|totals): (\d+)", counts.read_text(), re.MULTILINE)
    if match is None:
        raise RuntimeError(f"valgrind counted nothing: {counts}")
    return int(match[1])


def _count(command: Sequence[str], folder: Path, *options: str, output: Path) -> None:
    _run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", *options, *command], folder)


def _run(command: Sequence[str], folder: Path) -> None:
    """Run a command with hashes that are the same each time, and with .pyc files of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONHASHSEED": "0",
        "PYTHONPYCACHEPREFIX": str(folder / "pycache"),
        "PYTHONDONTWRITEBYTECODE": "",
        "OCISIZE_CACHE_DIR": str(folder / "cache"),
        "OCISIZE_CACHE_MAX_SIZE": "",
        "COLUMNS": "80",
    }
    result = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=REPOSITORY, timeout=_TIMEOUT, check=False
    )
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {result.returncode}\n{result.stderr[-2000:]}")


def measure() -> dict[str, int]:
    """All counts, by step and by command."""
    with tempfile.TemporaryDirectory() as parent, ThreadPoolExecutor(2) as pool:
        folders = {name: Path(parent) / str(number) for number, name in enumerate(["steps", *COMMANDS])}
        for folder in folders.values():
            folder.mkdir()
        steps = pool.submit(count_steps, folders["steps"])
        commands = {name: pool.submit(count_command, folders[name], arguments) for name, arguments in COMMANDS.items()}
        return steps.result() | {name: count.result() for name, count in commands.items()}


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--run"]:
        run_steps(Path(arguments[1]))
        return
    measured, allowed = measure(), budget()
    for name, got in measured.items():
        unit = "instructions" if name in COMMANDS else "instructions per entry"
        ratio = f", {got / allowed[name]:.2f} of the budget" if name in allowed else ""
        print(f"{name:25} {got:13,} {unit}{ratio}", flush=True)
    if arguments == ["--write"]:
        BUDGET.write_text(json.dumps({**json.loads(BUDGET.read_text()), version(): measured}, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
