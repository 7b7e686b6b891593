"""An application with tests and a repository."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.modules(context / "app", 30)
    for number in range(10):
        files.write(context / f"tests/case{number}.bin", files.data(("case", number), 100_000))
    files.repository(context, packs=700_000)
