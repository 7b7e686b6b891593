"""What a file is that is not a tar, by its first bytes: one row for each kind that users take for a saved image.

Numbers of formats: https://github.com/file/file/tree/master/magic/Magdir.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

from ocisize.blob.compression import MAGIC_SIZE, PLAIN, detect_compression
from ocisize.blob.region import FileRegion
from ocisize.blob.stream import LayerStream
from ocisize.errors import OcisizeError
from ocisize.tuples import NamedTuple

HEAD_SIZE = 36 << 10  #: bytes that are looked at; the magic of an ISO image begins at 32,769
_STEP = 512  # bytes that are decompressed at once: what can be read of a stream that ends early
EXPECTED = "expected a docker save archive, an OCI archive or an OCI layout folder"  #: the hint where nothing is known
_TEXT = rb"[\t\n\r -~\x80-\xff]"
_AGAIN = "a server answered with a page instead of the image: log in there, and download it again"
_DECOMPRESS = "decompress it first: {} < {{path}} > decompressed.tar"  # the tools want other names than .tar
_DISK = "it is for virtual machines; save a container image with: docker save -o FILE IMAGE"
_SAVE = "save the image with its layers: docker save -o FILE IMAGE"


class Kind(NamedTuple):
    """What a file or folder is, as the end of a sentence, and a line of advice."""

    what: str
    hint: str  #: ``{path}`` is the file or folder, ``{folder}`` the folder that has a file


#: offset, magic and kind; the first row that matches is taken, so texts come last
_KINDS: tuple[tuple[int, re.Pattern[bytes], Kind], ...] = tuple(
    (offset, re.compile(magic, re.DOTALL), Kind(what, hint))
    for offset, magic, what, hint in (
        (0, rb"PK(\x03\x04|\x05\x06|\x07\x08)", "a zip archive", "unpack it first: unzip {path}"),
        (0, rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first: 7z x {path}"),
        (0, rb"Rar!\x1a\x07", "a RAR archive", "unpack it first: unrar x {path}"),
        (0, rb"\x04\x22\x4d\x18", "a file compressed with lz4", _DECOMPRESS.format("lz4 -dc")),
        (0, rb"LZIP\x01", "a file compressed with lzip", _DECOMPRESS.format("lzip -dc")),
        (0, rb"\x89LZO\0", "a file compressed with lzop", _DECOMPRESS.format("lzop -dc")),
        (0, rb"\x1f[\x9d\xa0]", "a file compressed with compress", _DECOMPRESS.format("uncompress -c")),
        (0, rb"\x5d\0\0[\0-\xff]{2}\xff{8}", "a file compressed with lzma", _DECOMPRESS.format("unlzma -c")),
        (0, rb"!<arch>\ndebian-binary", "a Debian package", EXPECTED),
        (0, rb"\xed\xab\xee\xdb", "an RPM package", EXPECTED),
        (0, rb"0707(01|02|07)", "a cpio archive", EXPECTED),
        (32, rb"SIF_MAGIC", "a Singularity image (SIF)", "copy it first: skopeo copy sif:{path} docker-archive:image.tar"),
        (0, rb"hsqs|sqsh", "a squashfs file system", _DISK),
        (0, rb"QFI\xfb", "a disk image (qcow2)", _DISK),
        (0, rb"KDMV|COWD|# Disk DescriptorFile", "a disk image (VMDK)", _DISK),
        (0, rb"<<< .{0,60}Disk Image >>>", "a disk image (VDI)", _DISK),
        (0, rb"vhdxfile|conectix", "a disk image (VHD)", _DISK),
        (32769, rb"CD001", "an ISO image", _DISK),
        (512, rb"EFI PART", "a disk image with partitions", _DISK),
        (1080, rb"\x53\xef", "an ext file system", _DISK),
        (446, rb"[\0\x80].{63}\x55\xaa", "a disk image with partitions", _DISK),
        (1024, rb"\xe2\xe1\xf5\xe0", "an EROFS file system", _DISK),
        (0, rb"\x7fELF", "an executable", EXPECTED),
        (0, rb"\0asm", "a Wasm module", EXPECTED),
        (0, rb"%PDF-", "a PDF document", EXPECTED),
        (0, rb"version https://git-lfs\.github\.com/spec/", "a Git LFS pointer", "fetch the file itself: git lfs pull"),
        (0, rb"(?i)(\xef\xbb\xbf)?\s*(<!--.{0,2000}?-->\s*)?<(!doctype html|html|head|body)\b", "an HTML page", _AGAIN),
        (0, rb"(\xef\xbb\xbf)?\s*<\?xml", "an XML document", _AGAIN),
        (0, rb"(?=\s*\{).{0,200}\"schema\"\s*:\s*\"ocisize\.", "a report of ocisize",
         "compare it with an image: ocisize diff {path} IMAGE"),
        (0, rb"(?=\s*\{).{0,4000}\"(fsLayers|signatures)\"\s*:", "a schema 1 manifest without its layers", _SAVE),
        (0, rb"(?=\s*\{).{0,4000}\"manifests\"\s*:", "an image index without its images", _SAVE),
        (0, rb"(?=\s*\{).{0,4000}\"(schemaVersion|layers)\"\s*:", "an image manifest without its layers", _SAVE),
        (0, rb"(?=\s*\{).{0,40000}\"(rootfs|diff_ids)\"\s*:", "the config of an image without its layers", _SAVE),
        (0, rb"(?=\s*[\[{]).{0,8000}\"(RepoTags|Layers)\"\s*:", "a JSON document about an image", _SAVE),
        (0, rb"\s*[\[{]\s*[\"\[{\]}]", "a JSON document", EXPECTED),
        (0, rb"(?i)((\s*#[^\n]*|\s*ARG\s[^\n]*)\n)*\s*FROM\s+[^\s,;]+(\s+AS\s+\S+)?\s*(\n|$)", "a Dockerfile",
         "build and save it first: docker build -t app -f {path} {folder} && docker save -o app.tar app"),
        (0, rb"#!", "a script", EXPECTED),
        (0, rb"[\t\n\r -~](%b{7,}\Z|%b{511})" % (_TEXT, _TEXT), "a text file", EXPECTED),
    )
)  # fmt: skip


def find_kind(head: bytes) -> Kind | None:
    r"""Return what a file is that begins with these bytes; None if no row knows it.

    >>> find_kind(b"PK\x03\x04...").what
    'a zip archive'
    >>> find_kind(b"\x01\x02\x03") is None
    True
    """
    for offset, magic, kind in _KINDS:
        if magic.match(head, offset):
            return kind
    return None


def find_file_kind(region: FileRegion) -> Kind | None:
    """Return what a file is that is not a tar, also within its compression; None if that is not known."""
    return find_kind_of(region.read_at(0, HEAD_SIZE), region)


def find_kind_of(head: bytes, chunks: Iterable[bytes]) -> Kind | None:
    """Return what ``find_file_kind`` does, of bytes that begin with ``head``; ``chunks`` are as many as there are."""
    compression = detect_compression(head[:MAGIC_SIZE])
    if compression == PLAIN:
        return find_kind(head)
    content = _read_beginning(chunks)
    inner = detect_compression(content[:MAGIC_SIZE])
    if inner != PLAIN:
        hint = f"decompress it once: {compression} -dc < {{path}} > decompressed.tar"
        return Kind(f"compressed twice, with {inner} and {compression}", hint)
    kind = find_kind(content)
    if kind is None or kind.what == "a text file":
        return Kind(f"a single file compressed with {compression}", EXPECTED) if content.strip(b"\0") else None
    return Kind(
        f"{kind.what}, compressed with {compression}", kind.hint if kind.hint in (_AGAIN, _SAVE, _DISK) else EXPECTED
    )


def _read_beginning(chunks: Iterable[bytes]) -> bytes:
    """Return the first uncompressed bytes of a file, as many as can be read."""
    content, buffer = bytearray(), memoryview(bytearray(_STEP))
    with suppress(OcisizeError):
        stream = LayerStream(chunks)
        while len(content) < HEAD_SIZE and (count := stream.readinto(buffer)):
            content += buffer[:count]
    return bytes(content[:HEAD_SIZE])
