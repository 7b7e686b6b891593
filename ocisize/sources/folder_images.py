"""The saved images that a folder contains, one level below: archives by their first members, folders by their names."""

from __future__ import annotations

import itertools
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ocisize.blob.region import FileRegion
from ocisize.blob.stream import LayerStream
from ocisize.errors import ArchiveError, OcisizeError
from ocisize.sources.folder import open_file
from ocisize.tar.header import BLOCK, checksum_matches, parse_number

_MAX_LISTED = 1000  # entries of a folder that are looked at
_HEAD_SIZE = 16 << 10  # bytes of an uncompressed archive that are looked at
_DOCUMENTS = frozenset({"index.json", "manifest.json"})
_HEX = r"(sha256[:-])?[0-9a-f]{64}"
#: names that saved images have, and hardly any other tar or folder
_MEMBER = re.compile(
    rf"oci-layout|index\.json|manifest\.json|repositories|blobs/sha(256|512)(/.*)?|{_HEX}(/.*|(\.json|\.tar)?(\.gz)?)"
)
#: paths in saved images that are no images themselves
_PART = re.compile(
    rf"oci-layout|index\.json|manifest\.json|version|repositories|blobs(/sha(256|512))?|{_HEX}(\.manifest)?\.json"
)
_MAX_PART_DEPTH = 2  # folders
_BESIDE = re.compile(rf"oci-layout|repositories|blobs|{_HEX}((\.json|\.tar)?(\.gz)?)")


def list_images_below(path: Path) -> list[str]:
    """Return the names of the saved images in a folder, sorted, those of folders with a ``/`` at the end.

    Of a large folder the first 1,000 entries are looked at, of an archive the first bytes.
    """
    found = []
    try:
        with os.scandir(path) as entries:
            for entry in itertools.islice(entries, _MAX_LISTED):
                if entry.is_dir():
                    found += [f"{entry.name}/"] if _is_image_folder(entry.path) else []
                elif entry.is_file() and is_image_archive(Path(entry.path)):
                    found.append(entry.name)
    except OSError:
        return []
    return sorted(found)


def is_image_archive(path: Path) -> bool:
    """Return True if a file is a tar, plain or compressed, whose first members have names as in saved images.

    >>> is_image_archive(Path("testdata/example.tar")), is_image_archive(Path("README.md"))
    (True, False)
    """
    try:
        descriptor = open_file(path)
    except ArchiveError:
        return False
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return False
        return is_image_tar(FileRegion(descriptor, 0, status.st_size))
    finally:
        os.close(descriptor)


def is_image_tar(chunks: Iterable[bytes]) -> bool:
    """Return what ``is_image_archive`` does, of the first bytes of a file or of all."""
    buffer = memoryview(bytearray(_HEAD_SIZE))
    try:
        size = LayerStream(chunks).readinto(buffer)
    except (OcisizeError, OSError):
        return False
    return any(map(_MEMBER.fullmatch, _list_members(bytes(buffer[:size]))))


def _list_members(head: bytes) -> Iterator[str]:
    """Yield the names in the headers of the first bytes of a tar."""
    position = 0
    while position + BLOCK <= len(head) and checksum_matches(header := head[position : position + BLOCK]):
        prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
        name = b"/".join(filter(None, (prefix, header[:100].split(b"\0", 1)[0])))
        yield name.decode("utf-8", "replace").removeprefix("./").rstrip("/")
        try:
            size = max(parse_number(header[124:136]), 0)
        except ValueError:
            return
        position += BLOCK + -(-size // BLOCK) * BLOCK


def find_image_folder(path: Path) -> Path | None:
    """Return the folder of the saved image that a file or folder is a part of by its name; None for others."""
    for depth, folder in enumerate(itertools.islice(path.parents, _MAX_PART_DEPTH), 1):
        if _PART.fullmatch("/".join(path.parts[-depth:])) and _is_image_folder(str(folder)):
            return folder
    return None


def _is_image_folder(path: str) -> bool:
    try:
        with os.scandir(path) as entries:
            inside = list(itertools.islice(entries, _MAX_LISTED))
            has_document = any(entry.name in _DOCUMENTS and entry.is_file() for entry in inside)
    except OSError:
        return False
    return has_document and any(_BESIDE.fullmatch(entry.name) for entry in inside)
