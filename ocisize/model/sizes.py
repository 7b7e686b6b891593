"""The figures that images, layers and groups of files have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import attrs


def weight_of(compressed_size: int | None, content_size: int) -> int:
    """The bytes that something is ranked by: its download if that is known, else its content.

    >>> weight_of(300, 1000), weight_of(None, 1000)
    (300, 1000)
    """
    return content_size if compressed_size is None else compressed_size


@attrs.frozen(kw_only=True)
class Sizes:
    """The figures that an image and each of its layers have; see the module's definitions."""

    compressed_size: int | None
    tar_size: int
    content_size: int
    live_size: int
    disk_size: int
    wasted_size: int
    wasted_compressed_size: int | None
    duplicate_size: int
    file_count: int  #: regular files stored; hard links and whiteout markers are none
    entry_count: int  #: tar entries of any kind

    @property
    def weight(self) -> int:
        """``compressed_size``, or ``content_size`` if that is None."""
        return weight_of(self.compressed_size, self.content_size)

    @property
    def wasted_ratio(self) -> float:
        """``wasted_size / content_size``, 0.0 where there is no content."""
        return self.wasted_size / self.content_size if self.content_size else 0.0

    @property
    def efficiency(self) -> float:
        """``1 - wasted_size / content_size``, 1.0 where there is no content."""
        return 1 - self.wasted_ratio


@attrs.frozen(kw_only=True)
class Group:
    """Stored entries that belong together, added up; what stands in a repeated blob costs the wire once."""

    name: str | None  #: None of what other groups leave
    content_size: int
    wasted_size: int
    compressed_size: int | None  #: without the part of the blobs that belongs to no entry
    wasted_compressed_size: int | None
    file_count: int

    @property
    def live_size(self) -> int:
        """``content_size - wasted_size``."""
        return self.content_size - self.wasted_size


@attrs.frozen(kw_only=True)
class Groups:
    """Where an image's bytes are, in three divisions of the whole: each adds up to ``content_size``.

    Groups stand largest first; the last one of each, without a name, is all that the others leave.
    A directory is named as a glob: ``/usr/lib/`` is everything below it, ``/usr/lib/*`` what is directly in it.
    """

    directories: tuple[Group, ...]
    file_types: tuple[Group, ...]
    build_steps: tuple[Group, ...]


class Downloaded(Protocol):
    """What is downloaded as one blob: a layer."""

    @property
    def digest(self) -> str:
        """The digest of the blob, ``sha256:`` and hex digits."""


def paid_layers(layers: Iterable[Downloaded]) -> list[bool]:
    """By layer, True if its download counts: of layers with the same digest only the first, lowest one does.

    A client fetches a blob once, for the lowest layer that has it. Every sum of compressed sizes goes by these flags.

    ``layers``: the layers of an image, or of several, base first.

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


def sum_known(values: Iterable[int | None]) -> int | None:
    """The sum of figures, None where one of them is unknown."""
    values = list(values)
    return None if None in values else sum(value or 0 for value in values)
