"""The figures of images, layers and groups of files, and how they are summed.

All sizes are integers of bytes, and all ratios lie in 0..1. docs/numbers.md defines every figure; in short:

compressed_size
    Download: the sum of the sizes of the layer blobs. The lowest layer that has a repeated blob pays for it, see
    ``paid_layers``. None if the input does not have the compressed sizes: a docker archive with uncompressed layers.
estimated_compressed_size
    an estimate of an unknown ``compressed_size``: what ``gzip -6`` makes of the layers, measured on a sample of the content.
    None if ``compressed_size`` is known, or if nothing was sampled.
estimate_error
    the error of the sample: in 95 % of all cases at most this share of ``estimated_compressed_size``. 0.0 if everything was
    compressed, or if the size is that of the same layer in another image. Builders that compress in another way than
    ``gzip -6`` differ by a few percent more.
tar_size
    the length of the uncompressed tar streams. None if a layer was read from a table of contents that does not tell.
content_size
    Unpacked: the bytes of all regular files in the layers as a host writes them, with the holes of sparse files. Hidden
    files are included, hard links are not.
stored_size
    the part of ``content_size`` that the tars store: without the holes of sparse files. Maps of holes are no content.
live_size
    Live: the bytes that a container sees, a file with several hard links once.
disk_size
    disk space used on each host: every stored file, rounded up to blocks of 4 KiB.
wasted_size
    Waste: ``content_size - live_size``, the bytes that no container can see.
wasted_compressed_size
    the part of ``compressed_size`` that the wasted entries take. Of a repeated blob, the entries that no layer shows.
duplicate_size
    live bytes whose content a container sees at another path, too, one copy of each content left out. Not waste.
efficiency
    ``1 - wasted_size / content_size``; 1.0 for an empty image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol, TypeVar

from ocisize.values import frozen


def weight_of(compressed_size: int | None, content_size: int) -> int:
    """Return the bytes that something is ranked by: its download if that is known, else its content.

    >>> weight_of(300, 1000), weight_of(None, 1000)
    (300, 1000)
    """
    return content_size if compressed_size is None else compressed_size


@frozen(kw_only=True)
class Sizes:
    """The figures of an image, or of one of its layers, in bytes unless noted; docs/numbers.md defines them."""

    compressed_size: int | None  #: the download; None if unknown
    tar_size: int | None  #: length of the uncompressed tars; None if a table of contents does not tell
    content_size: int  #: what all layers store, as a host writes it: unpacked
    stored_size: int  #: the part of ``content_size`` that the tars store, without the holes of sparse files
    live_size: int  #: what a container sees
    disk_size: int  #: space on each host, in blocks of 4 KiB
    wasted_size: int  #: ``content_size - live_size``: what no container sees
    wasted_compressed_size: int | None  #: the part of the download that wasted files cost; None if unknown
    duplicate_size: int  #: visible content that a container also sees at another path
    file_count: int  #: regular files; hard links and whiteout markers do not count
    entry_count: int  #: tar entries of all kinds
    estimated_compressed_size: int | None = None  #: an estimate of an unknown ``compressed_size``
    estimate_error: float | None = None  #: the error of the estimate, as a share of it

    @property
    def expected_compressed_size(self) -> int | None:
        """``compressed_size``, or the estimate if that is None; None if there is neither."""
        return self.estimated_compressed_size if self.compressed_size is None else self.compressed_size

    @property
    def weight(self) -> int:
        """``compressed_size``, or ``content_size`` if that is None."""
        return weight_of(self.compressed_size, self.content_size)

    @property
    def wasted_ratio(self) -> float:
        """``wasted_size / content_size``, 0.0 without content."""
        return self.wasted_size / self.content_size if self.content_size else 0.0

    @property
    def efficiency(self) -> float:
        """``1 - wasted_size / content_size``, 1.0 without content."""
        return 1 - self.wasted_ratio


@frozen(kw_only=True)
class Group:
    """The sums of stored entries that belong together, in bytes. ``Sizes`` defines them; a repeated blob counts once.

    >>> import ocisize
    >>> group = ocisize.analyze("testdata/example.tar").groups.directories[0]
    >>> group.name, group.content_size, group.live_size, group.compressed_size, group.file_count
    ('/bin/', 1982256, 1982256, 1084148, 1)
    """

    name: str | None  #: None of the last group, which is the rest
    content_size: int  #: bytes of content
    wasted_size: int  #: bytes of ``content_size`` that no container sees
    compressed_size: int | None  #: without the bytes of the blobs that belong to no entry
    wasted_compressed_size: int | None  #: the download of these; None if unknown
    file_count: int  #: number of regular files

    @property
    def live_size(self) -> int:
        """``content_size - wasted_size``."""
        return self.content_size - self.wasted_size


@frozen(kw_only=True)
class Groups:
    """Where the bytes of an image are, in three divisions. Each division adds up to ``content_size``.

    The largest group comes first; the last group, without a name, is the rest. Directories are named as globs: ``/usr/lib/``
    is the directory with everything below it, ``/usr/lib/*`` only what is directly in it.
    """

    directories: tuple[Group, ...]  #: by directory
    file_types: tuple[Group, ...]  #: by file type
    build_steps: tuple[Group, ...]  #: by build step


class Downloaded(Protocol):
    """A layer, as far as it is a blob that is downloaded."""

    @property
    def digest(self) -> str:
        """The digest of the blob, ``sha256:`` and hex digits."""


_LayerT = TypeVar("_LayerT", bound=Downloaded)


def paid_layers(layers: Iterable[Downloaded]) -> list[bool]:
    """Return for each layer whether it pays for its blob: of layers with the same digest only the first one does.

    A client downloads a blob once, for the lowest layer that has it. All sums of compressed sizes go by these flags.

    ``layers``: of one image or of several, base first.

    >>> from types import SimpleNamespace
    >>> paid_layers([SimpleNamespace(digest=digest) for digest in ("sha256:aa", "sha256:bb", "sha256:aa")])
    [True, True, False]
    """
    seen: set[str] = set()
    flags = []
    for layer in layers:
        flags.append(layer.digest not in seen)
        seen.add(layer.digest)
    return flags


def uppermost_layers(layers: Iterable[_LayerT]) -> dict[str, _LayerT]:
    """Return by digest the uppermost of the layers that have the blob.

    This layer decides which entries of a repeated blob waste download: it hides all copies below, so the download of an
    entry is needed as long as this layer shows the entry.

    ``layers``: of one image, base first.

    >>> from types import SimpleNamespace
    >>> layers = [SimpleNamespace(digest=digest, index=index) for index, digest in enumerate(["sha256:aa", "sha256:aa"])]
    >>> uppermost_layers(layers)["sha256:aa"].index
    1
    """
    return {layer.digest: layer for layer in layers}


def sum_estimates(parts: Iterable[Sizes]) -> tuple[int | None, float | None]:
    """Return ``estimated_compressed_size`` and ``estimate_error`` of the sum of parts, None for both without an estimate.

    The errors of different samples do not depend on each other, so their squares add up.

    >>> from ocisize import analyze
    >>> sum_estimates(analyze("testdata/example.tar").layers)  # whose compressed sizes are known
    (None, None)
    """
    parts = list(parts)
    sizes = [part.expected_compressed_size for part in parts]
    total = sum_known(sizes)
    if total is None or all(part.compressed_size is not None for part in parts):
        return None, None
    errors = [(size or 0) * (part.estimate_error or 0.0) for size, part in zip(sizes, parts, strict=True)]
    return total, math.hypot(*errors) / total if total else 0.0


def sum_known(values: Iterable[int | None]) -> int | None:
    """Return the sum of figures, None if one of them is unknown.

    >>> sum_known([1, 2]), sum_known([1, None]), sum_known([])
    (3, None, 0)
    """
    values = list(values)
    return None if None in values else sum(value or 0 for value in values)
