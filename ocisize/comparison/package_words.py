"""The packages of one layer that changed, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.comparison.measure import Weigh
from ocisize.model.causes import PackageChange
from ocisize.text import plural, signed_size
from ocisize.tuples import NamedTuple

MAX_NAMED = 3  #: packages of one verb; the others are counted
MIN_SHARE = 0.01  #: of the largest growth of a phrase in a sentence, for a phrase to be in it
_ADDS, _UPDATES, _REMOVES, _CHANGES = "adds", "updates", "removes", "changes files of"
_MIN_SIZE = 1000  # bytes; a smaller growth of a package that both images have has no figure


class Phrase(NamedTuple):
    """A part of a sentence about a layer."""

    growth: int  #: bytes of the measure of the comparison
    text: str
    min_share: float = MIN_SHARE  #: as MIN_SHARE


def describe_packages(changes: Sequence[PackageChange], weigh: Weigh) -> Iterator[Phrase]:
    """A phrase for the packages that a layer adds, updates, removes, and changes files of.

    Args:
        changes: the packages of the layer.
        weigh: the growth of a package, in bytes.

    """
    ordered = sorted(changes, key=lambda change: -abs(weigh(change)))
    for verb in (_ADDS, _UPDATES, _REMOVES, _CHANGES):
        packages = [change for change in ordered if _verb(change) == verb]
        if packages:
            text = f"{verb} {_enumerate(packages, weigh)}"
            yield Phrase(sum(map(weigh, packages)), text, 0 if verb == _UPDATES else MIN_SHARE)


def has_other_version(change: PackageChange) -> bool:
    """Return True if a package was added, removed or updated, False if only files of one version differ."""
    return _verb(change) != _CHANGES


def _verb(change: PackageChange) -> str:
    if not change.before_size:
        return _ADDS
    if not change.after_size:
        return _REMOVES
    return _CHANGES if change.before_version == change.after_version else _UPDATES


def _enumerate(packages: Sequence[PackageChange], weigh: Weigh) -> str:
    most = len(packages) if len(packages) == MAX_NAMED + 1 else MAX_NAMED
    names = [_name(change, weigh) for change in packages[:most]]
    if rest := packages[most:]:
        names.append(" ".join(filter(None, (f"{len(rest):,} more {plural(len(rest), 'package')}", _size(rest, weigh)))))
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _name(change: PackageChange, weigh: Weigh) -> str:
    """The name, the versions and the growth if it matters: ``numpy 1.25.0 → 1.26.1 +120 kB``."""
    sides = ((change.before_size, change.before_version), (change.after_size, change.after_version))
    named = " → ".join(dict.fromkeys(version for size, version in sides if size and version))
    return " ".join(filter(None, (change.name, named, _size([change], weigh))))


def _size(changes: Sequence[PackageChange], weigh: Weigh) -> str:
    """The growth of packages; "" if they are in both images and hardly grew."""
    growth = sum(map(weigh, changes))
    both = all(change.before_size and change.after_size for change in changes)
    return "" if both and abs(growth) < _MIN_SIZE else signed_size(growth)
