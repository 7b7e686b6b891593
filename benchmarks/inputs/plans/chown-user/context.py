"""Scripts and data."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.write(context / "start.sh", "#!/bin/sh\nexec cat data/part0.txt\n", 0o755)
    for number in range(30):
        files.write(context / f"data/part{number}.txt", files.text(number, 90_000))
    files.write(context / "data/blob.bin", files.data("blob", 1_500_000))
