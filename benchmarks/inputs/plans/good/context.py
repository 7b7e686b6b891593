"""A small application that copies what it needs."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.write(context / "requirements.txt", "itsdangerous==2.2.0\nclick==8.1.7\n")
    files.modules(context / "app", 20)
    files.modules(context / "tests", 5)
    files.environment(context / ".env")
    files.write(context / ".dockerignore", ".env\n.git\ntests\n")
