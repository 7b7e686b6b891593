"""The text of a source: a file or standard input, in bounded memory, and what it is by its content."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, BinaryIO

from ocisize.errors import ArchiveError, DocumentError
from ocisize.text import count_of

if TYPE_CHECKING:
    from ocisize.listing.lines import Expansion
    from ocisize.listing.references import Collector

MAX_TEXT = 1 << 30  #: bytes of a list or document: 25,000 pods have 550 MB, and take three times as much memory
_CHUNK = 1 << 20
_TAR_MAGIC, _TAR_POSITION = b"ustar", 257
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_YAML = re.compile(r"(?m)^(?:apiVersion|kind|services|version|items):(?:\s|$)")
_JSON_HINT = "ocisize reads the JSON: kubectl get … -o json, docker compose config --format json"


def read_text(file: BinaryIO, name: str) -> str:
    """Return the text of a file; ``name`` is that for messages.

    The text is UTF-8 or, as Windows PowerShell writes files, UTF-16 with a byte order mark. Raises ArchiveError for an
    archive and for more than 1 GiB, and DocumentError for bytes that are no text.
    """
    chunks, size = list[bytes](), 0
    try:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if not chunks:
                _refuse_archive(chunk, name)
            if size > MAX_TEXT:
                raise ArchiveError(f"{name} has more than {count_of(MAX_TEXT, 'byte')}", hint="split the list")
            chunks.append(chunk)
    except OSError as error:
        raise ArchiveError(f"cannot read {name}: {error.strerror or error}") from None
    data = b"".join(chunks)
    del chunks
    mark, encoding = next(((mark, codec) for mark, codec in _BOMS if data.startswith(mark)), (b"", "utf-8"))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start + len(mark)) + 1
        raise DocumentError(
            f"{name}, line {line}: not a text in UTF-8: byte 0x{data[len(mark) + error.start]:02x}",
            hint="a list has one reference in each line",
        ) from None


def _refuse_archive(head: bytes, name: str) -> None:
    if head.startswith(_COMPRESSED) or head[_TAR_POSITION : _TAR_POSITION + len(_TAR_MAGIC)] == _TAR_MAGIC:
        raise ArchiveError(
            f"{name} is an archive, not a list of references", hint="save the images to a file, and name the file"
        )


def list_text(text: str, name: str, collector: Collector, expansion: Expansion) -> None:
    """Add the references of a list, or of a document of Kubernetes or Compose.

    Raises DocumentError for other documents, and LimitExceeded.
    """
    start = text[:_CHUNK].lstrip()[:1]
    if start in ("{", "["):
        from ocisize.listing.documents import list_document

        list_document(text, name, collector)
        return
    if _YAML.search(text[:_CHUNK]):
        raise DocumentError(f"{name} is YAML, not a list of references", hint=_JSON_HINT)
    from ocisize.listing.lines import list_lines

    list_lines(text, name, collector, expansion)
