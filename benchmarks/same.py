"""Compare the reports of two trees of ocisize byte by byte, on every input and on every form of it.

    python benchmarks/same.py TREE_A TREE_B OUT [--case CASE...]

A tree is a folder with the files of a revision. Exit status 1 if a report differs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from revisions import REPOSITORY, compile_modules, variables

FORMATS = ("json", "csv", "markdown", "html", "sarif", "dive-json", "ncdu")
WIDTHS = (80, 120, 150)  # columns of text reports
#: further arguments → formats to compare with them
RUNS: dict[tuple[str, ...], tuple[str, ...]] = {
    (): ("text", *FORMATS),
    ("--files",): ("json", "csv"),
    ("--full",): ("text",),
}


def find_images(out: Path, cases: list[str]) -> Iterator[Path]:
    """The images in the folder that build.sh filled, and those of the tests."""
    if not cases:
        yield from sorted((REPOSITORY / "testdata").rglob("*.tar"))
    for folder in sorted(out.iterdir()):
        if folder.is_dir() and (not cases or folder.name in cases):
            yield from sorted(folder.glob("*.tar"))
            yield from sorted(file.parent for file in folder.glob("*/index.json"))


def write_reports(tree: Path, image: Path, folder: Path) -> dict[str, bytes]:
    """What a tree writes about an image, by arguments; errors too."""
    reports = {}
    for extra, formats in RUNS.items():
        for width in WIDTHS if "text" in formats else WIDTHS[:1]:
            chosen = formats if width == WIDTHS[0] else ("text",)
            files = {name: folder / name for name in chosen}
            options = [option for name, file in files.items() for option in ("-f", f"{name}={file}")]
            command = [sys.executable, "-m", "ocisize", *extra, *options, str(image)]
            environment = {**variables(tree), "COLUMNS": str(width)}
            result = subprocess.run(command, capture_output=True, env=environment, cwd=tree, check=False)
            words = f"{' '.join(extra)} {width} columns".strip()
            reports[f"{words}, messages"] = b"%d\n" % result.returncode + result.stdout + result.stderr
            for name, file in files.items():
                reports[f"{words}, {name}"] = file.read_bytes() if file.exists() else b""
                file.unlink(missing_ok=True)
    return reports


def first_difference(one: bytes, other: bytes) -> str:
    """The first place where two reports differ, in words."""
    position = next(
        (place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
    around = slice(max(position - 40, 0), position + 80)
    return f"byte {position}\n    A {one[around]!r}\n    B {other[around]!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trees", nargs=2, type=Path, metavar="TREE")
    parser.add_argument("out", metavar="OUT", type=Path, help="the folder that build.sh filled")
    parser.add_argument("--case", nargs="+", default=[], metavar="CASE", help="only these inputs")
    options = parser.parse_args()
    trees = [tree.resolve() for tree in options.trees]
    for tree in trees:
        compile_modules(tree)
    compared = differing = 0
    with tempfile.TemporaryDirectory() as folder:
        for image in find_images(options.out.resolve(), options.case):
            one, other = (write_reports(tree, image, Path(folder)) for tree in trees)
            for name in one:
                compared += 1
                if one[name] != other[name]:
                    differing += 1
                    print(f"{image}, {name}: {first_difference(one[name], other[name])}", flush=True)
            print(f"{image}: {sum(map(len, one.values())):,} bytes", flush=True)
    print(f"{differing} of {compared} reports differ")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
