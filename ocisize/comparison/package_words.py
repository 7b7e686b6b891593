"""The packages of one layer that changed, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.model.causes import PackageChange
from ocisize.text import plural, signed_size
from ocisize.tuples import NamedTuple

MAX_NAMED = 3  #: packages of one verb; the others are counted
_ADDS, _UPDATES, _REMOVES, _CHANGES = "adds", "updates", "removes", "changes files of"
_MIN_SIZE = 1000  # bytes; a smaller growth of a package that both images have has no figure


class Phrase(NamedTuple):
    """A part of a sentence about a layer."""

    growth: int  #: of the download, or of content if that is unknown
    text: str
    matters: bool = False  #: whatever its growth


def describe_packages(changes: Sequence[PackageChange]) -> Iterator[Phrase]:
    """A phrase for the packages that a layer adds, updates, removes, and changes files of.

    Sizes are bytes of download, or of content if the download is unknown.

    Args:
        changes: the packages of the layer, the largest change first.

    """
    for verb in (_ADDS, _UPDATES, _REMOVES, _CHANGES):
        packages = [change for change in changes if _verb(change) == verb]
        if packages:
            yield Phrase(sum(change.weight for change in packages), f"{verb} {_enumerate(packages)}", verb == _UPDATES)


def has_other_version(change: PackageChange) -> bool:
    """Return True if a package was added, removed or updated, False if only files of one version differ."""
    return _verb(change) != _CHANGES


def _verb(change: PackageChange) -> str:
    if not change.before_size:
        return _ADDS
    if not change.after_size:
        return _REMOVES
    return _CHANGES if change.before_version == change.after_version else _UPDATES


def _enumerate(packages: Sequence[PackageChange]) -> str:
    most = len(packages) if len(packages) == MAX_NAMED + 1 else MAX_NAMED
    names = [_name(change) for change in packages[:most]]
    if rest := packages[most:]:
        names.append(" ".join(filter(None, (f"{len(rest):,} more {plural(len(rest), 'package')}", _size(rest)))))
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _name(change: PackageChange) -> str:
    """The name, the versions and the growth if it matters: ``numpy 1.25.0 → 1.26.1 +120 kB``."""
    versions = [version for version in dict.fromkeys((change.before_version, change.after_version)) if version]
    if not change.before_size or not change.after_size:
        versions = versions[-1:]
    named = " → ".join(versions)
    return " ".join(filter(None, (change.name, named, _size([change]))))


def _size(changes: Sequence[PackageChange]) -> str:
    """The growth of packages; "" if they are in both images and hardly grew."""
    growth = sum(change.weight for change in changes)
    both = all(change.before_size and change.after_size for change in changes)
    return "" if both and abs(growth) < _MIN_SIZE else signed_size(growth)
