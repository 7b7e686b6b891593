"""Instructions per entry of the hot path, counted by valgrind: the load of the machine does not change them.

    python benchmarks/instructions.py            # count, and compare with the budget
    python benchmarks/instructions.py --write    # make the counts the new budget

Two tars of different length go through the same steps; their difference per entry does not include start-up.
CI fails when the code exceeds the budget in ``instructions.json``; give the reason for a higher budget in the commit message.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BUDGET = Path(__file__).with_name("instructions.json")
SHORT, LONG = 1000, 3000  # entries
STEPS = ("scan", "scan in place", "merge the same", "merge apart")
OTHER = ".other"  # suffix of the tar whose rows lie apart
_BLOCK = 512
_FIELDS = b"0000644\x000000000\x000000000\x00%011o\x0000000000000\x00        0"
_BODY = bytes(range(256)) * 8


def version() -> str:
    """The interpreter whose instructions are counted."""
    return f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor} {platform.machine()}"


def write_tar(path: Path, entries: int, root: bytes = b"srv") -> None:
    """A tar like a tree of small packages: eight files in a directory, up to 1,500 bytes each."""
    with path.open("wb") as file:
        for number in range(entries):
            size = number * 37 % 1500
            name = root + b"/app/node_modules/package-%d/lib/module_%d.js" % (number // 8, number)
            block = bytearray(name.ljust(100, b"\0") + _FIELDS % size + bytes(100) + b"ustar\x0000").ljust(_BLOCK, b"\0")
            block[148:156] = b"%06o\0 " % sum(block)
            file.write(block + _BODY[:size] + bytes(-size % _BLOCK))
        file.write(bytes(2 * _BLOCK))


def run_step(step: str, path: str) -> None:
    """Run one step on the tar at ``path``, in the process that valgrind watches."""
    from ocisize.filesystem.overlay import overlay_all
    from ocisize.filesystem.duplicates import find_duplicates
    from ocisize.filesystem.waste import find_waste
    from ocisize.blob.region import FileRegion
    from ocisize.tar.filetable import FileTable
    from ocisize.layer.kept_files import BEGINNINGS, PATH_ENDS, KeptFiles
    from ocisize.tar.scanner import scan_tar

    def scan(path: str) -> FileTable:
        region = FileRegion(os.open(path, os.O_RDONLY), 0, Path(path).stat().st_size)
        if step == "scan in place":
            return scan_tar(region, hash_up_to=512, wanted=KeptFiles(), beginnings=BEGINNINGS)
        return scan_tar(region, hash_up_to=1 << 20, wanted=KeptFiles(), beginnings=BEGINNINGS, path_ends=PATH_ENDS)

    table = scan(path)
    if step.startswith("merge"):
        tables = [table, table if step == "merge the same" else scan(path + OTHER)]
        overlay = overlay_all(tables)
        find_waste(tables, overlay)
        find_duplicates(tables, overlay)


def count(step: str, path: Path) -> int:
    """Instructions of a whole process that runs a step."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, __file__, step, str(path)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    match = re.search(r"Collected : (\d+)", result.stderr)
    if match is None or result.returncode:
        raise RuntimeError(f"valgrind counted nothing: {result.stderr[-500:]}")
    return int(match[1])


def measure(step: str) -> int:
    """Instructions per entry of a step."""
    with tempfile.TemporaryDirectory() as folder:
        counts = []
        for entries in (SHORT, LONG):
            path = Path(folder) / f"{entries}.tar"
            write_tar(path, entries)
            write_tar(Path(f"{path}{OTHER}"), entries, b"opt")
            counts.append(count(step, path))
    return (counts[1] - counts[0]) // (LONG - SHORT)


def budget() -> dict[str, int]:
    """Allowed instructions per entry by step; empty for an interpreter without a budget."""
    budgets: dict[str, dict[str, int]] = json.loads(BUDGET.read_text())
    return budgets.get(version(), {})


def main(arguments: list[str]) -> None:
    if arguments and arguments[0] in STEPS:
        run_step(*arguments)
        return
    measured: dict[str, int] = {}
    for step in STEPS:
        measured[step] = measure(step)
        print(f"{step:15} {measured[step]:7,} instructions per entry, budget {budget().get(step, 0):,}", flush=True)
    if arguments == ["--write"]:
        BUDGET.write_text(json.dumps({**json.loads(BUDGET.read_text()), version(): measured}, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
