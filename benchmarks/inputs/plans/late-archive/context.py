"""An archive and a wheel that one build step reads."""

from pathlib import Path

import files


def write(context: Path) -> None:
    parts = {f"part{number}.bin": files.data(("part", number), 100_000) for number in range(8)}
    files.archive(context / "data.tar.gz", {**parts, "index.txt": files.text("index", 200_000)})
    content = {"pricing/__init__.py": files.module("pricing", 100), "pricing/table.bin": files.data("table", 700_000)}
    files.wheel(context / "wheels", "pricing", "1.0", content)
