"""The errors of files that cannot be read as a tar, with what the files are instead."""

from __future__ import annotations

import shlex
from pathlib import Path

from ocisize.blob.region import FileRegion
from ocisize.errors import ArchiveError, OcisizeError, StreamError, TarError
from ocisize.sources.file_kinds import EXPECTED, Kind, find_file_kind
from ocisize.sources.folder_images import find_image_folder
from ocisize.text import printable

_BLOCK = 512  # bytes of a tar header, or of zeros before something else
_INCOMPLETE = "the file is incomplete: save or download it again"


def explain_error(path: Path | str, region: FileRegion, error: OcisizeError, expected: str = EXPECTED) -> ArchiveError:
    """Return the error of a file that cannot be read as a tar, with what the file is instead, or a hint."""
    if isinstance(error, TarError) and error.offset <= _BLOCK and (kind := find_file_kind(region)) is not None:
        return _refuse_kind(Path(path), kind, expected)
    if isinstance(error, TarError) and not error.offset:
        what = "a tar, an OCI layout or an image archive" if expected == EXPECTED else "a tar"
        return ArchiveError(f"{path} is not {what}", hint=expected)
    truncated = isinstance(error, StreamError | TarError) and error.truncated
    return ArchiveError(f"{path}: {error}", hint=error.hint or (_INCOMPLETE if truncated else expected))


def refuse_other_kind(path: Path | str, region: FileRegion, expected: str = EXPECTED) -> None:
    """Raise ArchiveError if a file is known to be of another kind than a tar, by its first bytes."""
    if (kind := find_file_kind(region)) is not None:
        raise _refuse_kind(Path(path), kind, expected)


def _refuse_kind(path: Path, kind: Kind, expected: str) -> ArchiveError:
    shown = printable(str(path))
    if (folder := find_image_folder(path)) is not None:
        part = f"{shown} is a part of the saved image in its folder"
        return ArchiveError(part, hint=f"name the folder: {shlex.quote(printable(str(folder)))}")
    what = "a root filesystem" if expected != EXPECTED else "a saved image"
    hint = (expected if kind.hint == EXPECTED else kind.hint).replace("{path}", shlex.quote(shown))
    hint = hint.replace("{folder}", shlex.quote(printable(str(path.parent))))
    return ArchiveError(f"{shown} is not {what}: {kind.what}", hint=hint)
