"""A script that leaves work files."""

from pathlib import Path

import files

SCRIPT = """\
#!/bin/sh
set -e
mkdir -p "$1" "$2"
for name in a b c; do
    for number in 1 2 3 4; do
        seq -f "$name %.0f" 1 60000 > "$2/part-$name$number"
    done
done
for number in 1 2 3 4 5 6; do
    head -n 4000 "$2/part-a1" > "$1/page$number.html"
    head -n 9000 "$2/part-b1" > "$1/page$number.draft"
done
"""


def write(context: Path) -> None:
    files.write(context / "make.sh", SCRIPT, 0o755)
