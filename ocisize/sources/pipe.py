"""PipeSource: the image in an archive that comes from a pipe, which is read once, to its end."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from ocisize.blob.decoder_input import DecoderInput
from ocisize.errors import ArchiveError, LimitExceeded, OcisizeError, SourceError, StreamError, TarError
from ocisize.limits import Limits
from ocisize.logs import Logger
from ocisize.oci.documents import Descriptor
from ocisize.oci.source import BlobScanner, ImageSource
from ocisize.sources.describe import is_root, refuse_content
from ocisize.sources.file_kinds import HEAD_SIZE, Kind, find_kind_of
from ocisize.sources.piped_tar import PipeBroken, PipedTar
from ocisize.sources.saved import open_image
from ocisize.sources.saved_source import SavedSource
from ocisize.sources.standard_input import PIPE_HINT, names_standard_input
from ocisize.tar.header import BLOCK
from ocisize.text import printable

_PIPE_SIZE = 1 << 20  # bytes; the default of 64 KiB makes the programs at both ends wait for each other more often
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ of Linux, which fcntl has since Python 3.10 there only
_MAX_LINE = 200  # characters of a text in an error
_TAKEN = ("format", "reference", "has_manifest", "has_index", "keeps_compression", "warnings")
_log = Logger(__name__)


class RawReader(Protocol):
    """What the bytes of a pipe are read from."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Write some bytes to the buffer; return how many, 0 at the end. Raises OSError or SourceError."""
        ...

    def close(self) -> None:
        """Read no more; may be called again."""
        ...


class Pipe(Protocol):
    """Where an archive comes from that can be read only once."""

    name: str  #: as errors show it
    text: str  #: how a command names it
    empty_hint: str  #: of the error for an archive without a byte
    incomplete_hint: str  #: of the error for an archive that ends early

    def open(self, wait: Callable[[str], None]) -> RawReader:
        """Begin to read; ``wait`` is called with what the pipe waits for, if that may take long. Raises SourceError."""
        ...

    def list_notes(self, source: SavedSource) -> Iterable[str]:
        """Return what the user should know about where the image came from."""
        ...


class PipeFile(DecoderInput):
    """The bytes of a pipe as the input of a decoder; ``head`` are the first of them, which stay in memory.

    ``last_block`` are the last bytes that were read. It is a ``Passage`` whose size is not known.
    """

    size = None
    last_block = b""

    def __init__(self, raw: RawReader, name: str) -> None:
        self._raw, self._name = raw, name
        buffer = memoryview(bytearray(HEAD_SIZE))
        self._unread = buffer[: self._fill(buffer)]
        self.head = bytes(self._unread)

    def peek(self, count: int) -> bytes:
        return bytes(self._unread[:count])

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = min(len(buffer), len(self._unread))
        buffer[:count] = self._unread[:count]
        self._unread = self._unread[count:]
        if count < len(buffer):
            count += self._fill(memoryview(buffer)[count:])
        piece = memoryview(buffer)[:count]
        self.last_block = (self.last_block + bytes(piece[-BLOCK:]))[-BLOCK:]
        self._record(piece)
        return count

    def read(self, size: int = -1, /) -> bytes:
        buffer = bytearray(size if size >= 0 else HEAD_SIZE)
        return bytes(memoryview(buffer)[: self.readinto(memoryview(buffer))])

    def _fill(self, buffer: memoryview) -> int:
        """Read until the buffer is full or the pipe ends, so that the result does not depend on the sizes of writes."""
        filled = 0
        try:
            while filled < len(buffer) and (count := self._raw.readinto(buffer[filled:])):
                filled += count
        except OSError as error:
            raise SourceError(f"{self._name}: reading failed: {error.strerror or error}") from None
        return filled


class PipeSource(ImageSource):
    """The image in the archive that comes from ``pipe``; ``select`` and ``form`` are those of ``open_saved``.

    It is a ``OnePassSource``: nothing is read before ``read_once``, or before the first use.
    """

    format = "pipe"
    is_local = True

    def __init__(self, pipe: Pipe, limits: Limits, *, select: str | None = None, form: str | None = None) -> None:
        self._pipe, self._limits, self._select, self._form = pipe, limits, select, form
        self._source: SavedSource | None = None

    def read_once(self, scanner: BlobScanner | None = None) -> None:
        """Read the archive to its end, so that the program that writes it ends well, and choose the image.

        Without ``scanner``, the layers cannot be read afterwards. Raises ArchiveError, DocumentError and LimitExceeded.
        """
        if self._source is not None:
            return
        raw = self._pipe.open(scanner.wait if scanner is not None else ignore_wait)
        try:
            store = self._read(raw, scanner)
        finally:
            raw.close()
        _log.info("%s has been read to its end", printable(self._pipe.name))
        source = open_image(store, self._pipe.name, self._select, self._form, command=self._pipe.text)
        for name in _TAKEN:
            setattr(self, name, getattr(source, name))
        self.warnings = [*source.warnings, *self._pipe.list_notes(source)]
        self._source = source

    def read_manifest(self, digest: str | None = None) -> bytes:
        return self._open().read_manifest(digest)

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return self._open().open_blob(descriptor)

    @property
    def sequential(self) -> bool:
        return True

    def blob_position(self, descriptor: Descriptor) -> int:
        return self._open().blob_position(descriptor)

    def member_name(self, descriptor: Descriptor) -> str | None:
        return self._open().member_name(descriptor)

    def find_attestation(self, digest: str) -> Descriptor | None:
        return self._open().find_attestation(digest)

    def close(self) -> None:
        if self._source is not None:
            self._source.close()

    def _open(self) -> SavedSource:
        self.read_once()
        assert self._source is not None  # noqa: S101 - read_once sets it or raises
        return self._source

    def _read(self, raw: RawReader, scanner: BlobScanner | None) -> PipedTar:
        file = PipeFile(raw, self._pipe.name)
        if not file.head:
            raise ArchiveError(f"{self._pipe.name} is empty", hint=self._pipe.empty_hint)
        try:
            store = PipedTar(file, self._limits, scanner, self._refuse_root)
        except PipeBroken as broken:
            raise self._explain(broken.error, file.head) from broken.error
        if not store.names() and (kind := find_kind_of(file.head, [file.head])) is not None:
            raise self._refuse(kind, file.head)  # zeros are a tar, and begin disk images
        return store

    def _refuse_root(self, names: set[str]) -> None:
        """Raise ArchiveError if the names so far are those of a container's files, which need not be read to their end."""
        if is_root(names):
            raise refuse_content(Path(self._pipe.name), names, is_folder=False, command=self._pipe.text)

    def _explain(self, error: OcisizeError, head: bytes) -> OcisizeError:
        """Return the error of an archive that cannot be read, with what it is instead, or a hint."""
        name = self._pipe.name
        if isinstance(error, LimitExceeded | SourceError):
            return error
        if isinstance(error, TarError) and error.offset <= BLOCK and (kind := find_kind_of(head, [head])) is not None:
            return self._refuse(kind, head)
        truncated = isinstance(error, StreamError | TarError) and error.truncated
        if isinstance(error, TarError) and not error.offset and not truncated:
            return ArchiveError(f"{name} is not a tar or an image archive", hint=PIPE_HINT)
        return ArchiveError(f"{name}: {error}", hint=self._pipe.incomplete_hint if truncated else error.hint)

    def _refuse(self, kind: Kind, head: bytes) -> ArchiveError:
        return ArchiveError(f"{self._pipe.name} is not a saved image: {describe_content(kind, head)}", hint=PIPE_HINT)


def describe_content(kind: Kind, head: bytes) -> str:
    """Return what a pipe delivers instead of an archive; of a text, such as an error message, its first line."""
    if kind.what != "a text file":
        return kind.what
    lines = head.decode("utf-8", "replace").strip().splitlines()
    line = printable(lines[0]) if lines else ""
    return f'the text "{line[:_MAX_LINE]}{" …" if len(line) > _MAX_LINE or len(lines) > 1 else ""}"'


def ignore_wait(_: str) -> None:
    """Tell nobody that the pipe waits."""


class FilePipe:
    """Standard input, or a FIFO by its path, as ``mkfifo`` and ``<(command)`` make it."""

    empty_hint = "the program that writes to the pipe wrote nothing: read its error message"
    incomplete_hint = "the program that writes to the pipe failed: read its error message"

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = "standard input" if names_standard_input(text) else printable(text)

    def open(self, wait: Callable[[str], None]) -> RawReader:
        """Open the file; that of a FIFO waits until a program opens its other end."""
        del wait
        try:
            descriptor = os.dup(0) if names_standard_input(self.text) else os.open(self.text, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ArchiveError(f"cannot open {self.name}: {error.strerror}", hint=PIPE_HINT) from None
        _enlarge(descriptor)
        return _DescriptorReader(descriptor)

    def list_notes(self, source: SavedSource) -> Iterable[str]:
        """Nothing: the archive itself says all that is known."""
        del source
        return ()


class _DescriptorReader:
    """Reads from a file descriptor, which may be one that does not block."""

    def __init__(self, descriptor: int) -> None:
        self._descriptors = [descriptor]

    def readinto(self, buffer: memoryview, /) -> int:
        descriptor = self._descriptors[0]
        while True:
            try:
                return os.readv(descriptor, [buffer])
            except BlockingIOError:  # noqa: PERF203 - another program has set the flag on the pipe that both share
                import select

                select.select([descriptor], [], [])

    def close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())


def _enlarge(descriptor: int) -> None:
    """Make a pipe hold more, where the system can do so."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return
    try:
        import fcntl

        fcntl.fcntl(descriptor, _SET_PIPE_SIZE, _PIPE_SIZE)
    except (ImportError, OSError):  # no Linux, or the user has no room left for larger pipes
        return
