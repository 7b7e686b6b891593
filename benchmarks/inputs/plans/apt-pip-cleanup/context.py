"""A small application."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.modules(context / "app", 10)
