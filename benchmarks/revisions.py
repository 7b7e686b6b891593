"""Revisions of ocisize, each in a folder of its own, and commands that run one of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
WORKING_TREE = "."


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A folder with the files of a revision; ``.`` is the working tree."""
    if revision == WORKING_TREE:
        compile_modules(REPOSITORY)
        yield REPOSITORY
        return
    with tempfile.TemporaryDirectory(prefix="ocisize-") as parent:
        folder = Path(parent) / "tree"
        git = ["git", "-C", str(REPOSITORY), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
        try:
            compile_modules(folder)
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def compile_modules(tree: Path) -> None:
    """Write the .pyc files of a tree, which no measured command should have to do."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(tree / "ocisize")], check=True)


def environment(tree: Path = REPOSITORY) -> dict[str, str]:
    """The environment that makes Python import ocisize from a tree, with .pyc files, and ocisize keep nothing."""
    return {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "", "OCISIZE_CACHE_MAX_SIZE": "0"}


def variables(tree: Path = REPOSITORY) -> dict[str, str]:
    """All variables of such an environment."""
    return {**os.environ, **environment(tree)}


def describe(revision: str) -> str:
    """The short hash of a revision; of the working tree that of its last commit."""
    name = "HEAD" if revision == WORKING_TREE else revision
    git = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", name]
    return subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()
