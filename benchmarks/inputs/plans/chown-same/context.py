"""Scripts and data that need no other mode or owner."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.write(context / "app/start.sh", "#!/bin/sh\ncat /srv/app/part0.txt\n", 0o755)
    for number in range(40):
        files.write(context / f"app/part{number}.txt", files.text(number, 50_000))
