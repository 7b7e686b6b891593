"""The packages of one layer that changed, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.model.causes import PackageChange
from ocisize.text import plural, signed_size

MAX_NAMED = 3  #: packages of one verb; the others are counted
_VERBS = ("adds", "updates", "removes", "has other files of")


def describe_packages(changes: Sequence[PackageChange]) -> Iterator[tuple[int, str]]:
    """A phrase for the packages that a layer adds, updates, removes, and has other files of, with its growth.

    Sizes are bytes of download, or of content if the download is unknown.

    Args:
        changes: the packages of the layer, the largest change first.

    """
    for verb in _VERBS:
        packages = [change for change in changes if _verb(change) == verb]
        if packages:
            yield sum(change.weight for change in packages), f"{verb} {_enumerate(packages)}"


def _verb(change: PackageChange) -> str:
    if not change.before_size:
        return "adds"
    if not change.after_size:
        return "removes"
    return "has other files of" if change.before_version == change.after_version else "updates"


def _enumerate(packages: Sequence[PackageChange]) -> str:
    most = len(packages) if len(packages) == MAX_NAMED + 1 else MAX_NAMED
    names = [_name(change) for change in packages[:most]]
    if rest := packages[most:]:
        size = signed_size(sum(change.weight for change in rest))
        names.append(f"{len(rest):,} more {plural(len(rest), 'package')} {size}")
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _name(change: PackageChange) -> str:
    """The name, the versions and the growth: ``numpy 1.25.0 → 1.26.1 +120 kB``."""
    versions = [version for version in dict.fromkeys((change.before_version, change.after_version)) if version]
    if not change.before_size or not change.after_size:
        versions = versions[-1:]
    named = " → ".join(versions)
    return " ".join(filter(None, (change.name, named, signed_size(change.weight))))
