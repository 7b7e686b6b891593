"""PipedTar: the files of a tar that can be read only once, since it comes from a pipe.

Documents name the layers, and come last as a rule: containerd, podman and BuildKit sort blobs by digest, and docker writes
``manifest.json`` behind all layers. So JSON documents are kept as they pass, within a limit, and everything that may be a
layer is given to a scanner, which reads it then. Links may come before or behind the files that they lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ocisize.blob.compression import MAGIC_SIZE, PLAIN, detect_compression
from ocisize.blob.decoder_input import DecoderInput
from ocisize.blob.digest import ALGORITHMS, digest_of
from ocisize.blob.passing import PassedBlob, PassingBlob
from ocisize.blob.stream import LayerStream
from ocisize.errors import OcisizeError, TarError
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci.source import BlobScanner
from ocisize.sources.store import MAX_DOCUMENT, Fingerprint
from ocisize.sources.tarball import Members, MemberStore
from ocisize.tar.header import BLOCK, checksum_matches
from ocisize.tar.payload import Payload
from ocisize.tar.scanner import scan_tar
from ocisize.text import decode_name

MAX_KEPT = 64 << 20  #: bytes of all documents that are kept
_MAX_SMALL, _MAX_SMALL_TOTAL = 2 << 20, 8 << 20  # bytes of a file that is no document, and of all that are kept
_FIRST_LOOK, _MAX_NAMES = 64, 1 << 16  # names; at each power of two between them, the names so far are looked at
_BOM = b"\xef\xbb\xbf"
_A = TypeVar("_A")
_R = TypeVar("_R")


class PipeBroken(Exception):
    """Carries an error of the archive through the readers of a layer, which take other errors for those of the layer."""

    def __init__(self, error: OcisizeError) -> None:
        super().__init__(error)
        self.error = error


class _Carrier:
    """A reader of the archive's bytes whose errors are PipeBroken."""

    def __init__(self, reader: Payload) -> None:
        self._reader, self.size = reader, reader.size

    def peek(self, count: int) -> bytes:
        return _carry(self._reader.peek, count)

    def readinto(self, buffer: memoryview, /) -> int:
        return _carry(self._reader.readinto, buffer)


class PipedTar(MemberStore):
    """The files of a tar that comes from ``file``, which is read to its end.

    ``scanner`` takes what may be a layer; without it, blobs are hashed only. ``refuse_names`` is called now and then with
    the names so far, and raises an error if they are those of no image. Raises PipeBroken, which carries the error.
    """

    sequential = True

    def __init__(
        self,
        file: DecoderInput,
        limits: Limits,
        scanner: BlobScanner | None,
        refuse_names: Callable[[set[str]], None],
    ) -> None:
        self._scanner, self._refuse_names = scanner, refuse_names
        self._passed: dict[int, PassedBlob] = {}
        self._kept: dict[int, bytes] = {}
        self._room, self._small_room = MAX_KEPT, _MAX_SMALL_TOTAL
        self._names: set[str] = set()  # of the first files
        meter = Meter(Tally(limits, archive=True))
        try:
            stream = LayerStream(file, meter=meter)
            self._members = Members(scan_tar(stream, hash_content=False, visit=self._take, meter=meter))
            stream.finish()
        except OcisizeError as error:
            raise PipeBroken(error) from error

    def close(self) -> None:
        """Forget what was kept."""
        self._kept.clear()
        self._passed.clear()

    def fingerprint(self, name: str, needs_digest: Callable[[str], bool]) -> Fingerprint:
        row = self._members.find(name)
        passed = self._passed.get(row)
        if passed is None:
            content = self._kept[row]
            compression = detect_compression(content[:MAGIC_SIZE])
            digest: str = digest_of(content)
        else:
            compression, digest = passed.compression, passed.digest
        return Fingerprint(self._members.table.sizes[row], compression, digest if needs_digest(compression) else None)

    def _open_row(self, row: int) -> tuple[int, Iterable[bytes]]:
        passed = self._passed.get(row)
        if passed is not None:
            return passed.size, passed
        content = self._kept[row]
        return len(content), [content] if content else []

    def _take(self, row: int, path: bytes, payload: Payload) -> None:
        """Read one file of the archive."""
        name = decode_name(path)
        self._look_at(name)
        passage = _Carrier(payload)
        head = passage.peek(BLOCK)
        compression = detect_compression(head[:MAGIC_SIZE])
        may_be_layer = compression != PLAIN or _begins_tar(head)
        if not may_be_layer and self._has_room(payload.size, is_document=_begins_document(head)):
            content = bytearray(payload.size)
            passage.readinto(memoryview(content))
            self._kept[row] = bytes(content)
            return
        blob = PassingBlob(name, passage, _algorithm_in(name), hash_in_thread=True)
        try:
            outcome, unpacked = self._scan(blob, may_be_layer=may_be_layer)
            self._passed[row] = PassedBlob(name, payload.size, compression, blob.digest(), unpacked, outcome)
        finally:
            blob.abandon()

    def _has_room(self, size: int, *, is_document: bool) -> bool:
        """Return True for a file that is kept, and count it: a document, or a small file, of which errors can say more."""
        room = self._room if is_document else self._small_room
        if size > min(MAX_DOCUMENT if is_document else _MAX_SMALL, room):
            return False
        if is_document:
            self._room -= size
        else:
            self._small_room -= size
        return True

    def _scan(self, blob: PassingBlob, *, may_be_layer: bool) -> tuple[object, str | None]:
        """Return the outcome of a blob, None without a scanner, and the digest of its uncompressed bytes."""
        if self._scanner is None:
            return None, None
        return (
            self._scanner.scan(blob)
            if may_be_layer
            else (TarError("this is not a tar: bad header checksum", offset=0), None)
        )

    def _look_at(self, name: str) -> None:
        """Look at the names at each power of two, so that the root filesystem of a container is not read to its end."""
        names = self._names
        if len(names) < _MAX_NAMES:
            names.add(name)
            if len(names) >= _FIRST_LOOK and len(names) & (len(names) - 1) == 0:
                self._refuse_names(names)


def _carry(read: Callable[[_A], _R], argument: _A) -> _R:
    try:
        return read(argument)
    except OcisizeError as error:
        raise PipeBroken(error) from error


def _begins_document(head: bytes) -> bool:
    r"""Return True for the first bytes of a JSON object or array.

    >>> _begins_document(b' {"layers": []}'), _begins_document(b"\x1f\x8b\x08")
    (True, False)
    """
    return head.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[")


def _begins_tar(head: bytes) -> bool:
    """Return True for the first block of a tar, also of an empty one."""
    return len(head) == BLOCK and (checksum_matches(head) or head == bytes(BLOCK))


def _algorithm_in(name: str) -> str:
    """Return the algorithm of the digest that the name of a layout's blob has; sha256 for other names.

    >>> _algorithm_in("blobs/sha512/cf83"), _algorithm_in("layer.tar")
    ('sha512', 'sha256')
    """
    folders = name.split("/")
    algorithm = folders[1] if len(folders) == 3 and folders[0] == "blobs" else ""
    return algorithm if algorithm in ALGORITHMS else ALGORITHMS[0]
