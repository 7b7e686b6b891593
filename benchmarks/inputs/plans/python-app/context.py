"""An application with its wheels in the context, tests and a model."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.write(context / "requirements.txt", "pricing==1.0\n")
    files.wheel(
        context / "wheels", "pricing", "1.0",
        {"pricing/__init__.py": files.module("pricing", 300), "pricing/table.bin": files.data("table", 1_500_000)},
    )  # fmt: skip
    files.modules(context / "app", 30)
    files.write(context / "models/weights.bin", files.data("weights", 2_500_000))
    for number in range(10):
        files.write(context / f"tests/case{number}.bin", files.data(("case", number), 100_000))
