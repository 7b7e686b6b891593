"""No files: all comes from apt."""

from pathlib import Path


def write(context: Path) -> None:
    context.mkdir(exist_ok=True)
