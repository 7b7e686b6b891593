"""new_export: a folder that is written as a whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ocisize.errors import FolderInUse
from ocisize.fleet.export.schema import FILES, HEAD, TABLES

_PART = re.compile(r"\d+\.parquet")
_NAMES = frozenset({FILES, *(f"{table.name}.parquet" for table in TABLES)})


def check_folder(folder: Path) -> None:
    """Raise FolderInUse unless an export can be written to ``folder``: it is absent, empty, or an earlier export."""
    if folder.exists() and not folder.is_dir():
        raise FolderInUse(f"{folder} is a file, an export is a folder", hint="choose another name")
    names = set(_list(folder))
    parts = _list(folder / FILES) if FILES in names else ()
    others = sorted([*(names - _NAMES), *(f"{FILES}/{part}" for part in parts if not _PART.fullmatch(part))])
    if others or (names and f"{HEAD}.parquet" not in names):
        example = (others or sorted(names))[0]
        raise FolderInUse(
            f"{folder} has files that no export has written, such as {example}",
            hint="choose an empty or new folder; an earlier export is replaced",
        )


def _list(folder: Path) -> Sequence[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else ()


@contextmanager
def new_export(folder: Path) -> Iterator[Path]:
    """Yield an empty folder, which becomes ``folder`` at the end of the block; after an error nothing of it is left.

    Raises FolderInUse as ``check_folder`` does, before and after the block, and OSError if the folder cannot be made.
    """
    check_folder(folder)
    name, folder = str(folder), folder.absolute()
    pending = _beside(folder, "partial")
    try:
        pending.mkdir(parents=True)
    except OSError as error:  # it names the pending folder, which the user does not know
        raise OSError(error.errno, f"cannot be written: {error.strerror}", name) from error
    try:
        yield pending
        check_folder(folder)
        _replace(folder, pending)
    finally:
        shutil.rmtree(pending, ignore_errors=True)


def _beside(folder: Path, state: str) -> Path:
    return folder.with_name(f"{folder.name}.{os.getpid()}.{state}")


def _replace(folder: Path, pending: Path) -> None:
    """Give the pending folder its name; an earlier export stays until that has worked."""
    if not folder.is_dir():
        pending.rename(folder)
        return
    replaced = _beside(folder, "replaced")
    folder.rename(replaced)
    try:
        pending.rename(folder)
    except OSError:
        replaced.rename(folder)
        raise
    shutil.rmtree(replaced, ignore_errors=True)
