"""Paths and the directories above them: which paths are inside others, and which directories cover some paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

_FEW_TARGETS = 4  # for which a test of the beginning takes half the time of a look-up of the directory


def parents_of(path: str) -> Iterator[str]:
    """Yield the directories above a path, the nearest first.

    >>> list(parents_of("a/b/c"))
    ['a/b', 'a']
    """
    while path := path.rpartition("/")[0]:
        yield path


def is_inside(path: str, targets: Collection[str]) -> bool:
    """Return whether a path is one of some paths or below one of them."""
    return path in targets or any(parent in targets for parent in parents_of(path))


def find_inside(paths: Iterable[str], targets: Collection[str]) -> Iterator[tuple[int, str]]:
    """Yield those of some paths, with their positions, that are one of the targets or below one of them.

    >>> list(find_inside(["a", "b/c", "b/d"], ["b"]))
    [(1, 'b/c'), (2, 'b/d')]
    """
    if len(targets) <= _FEW_TARGETS:
        below = tuple(f"{target}/" for target in targets)
        yield from ((position, path) for position, path in enumerate(paths) if path.startswith(below) or path in targets)
        return
    inside: dict[str, bool] = {"": False}  # by directory: most files share their directory with others
    for position, path in enumerate(paths):
        directory = path.rpartition("/")[0]
        is_below = inside.get(directory)
        if is_below is None:
            is_below = inside[directory] = is_inside(directory, targets)
        if is_below or path in targets:
            yield position, path


class PathCounts:
    """Paths with the number of them below each directory, to name those that a few directories cover.

    Only directories below ``root`` are named; paths have no slashes at their ends.

    >>> paths = PathCounts(["app/.git/HEAD", "app/.git/refs/x", "app/a.log", "app/main.py"], "app")
    >>> paths.tops({"app/.git/HEAD", "app/.git/refs/x", "app/a.log"})
    ['app/.git', 'app/a.log']
    """

    def __init__(self, paths: Iterable[str], root: str = "") -> None:
        self._paths = set(paths)
        self._prefix = f"{root}/" if root else ""
        self._counts = _count_below(self._paths)
        self._tops: dict[frozenset[str], list[str]] = {}  # a fix asks several times for the same files

    def tops(self, chosen: set[str]) -> list[str]:
        """The shortest list of paths that covers ``chosen`` and no other of the paths: whole directories where possible."""
        key = frozenset(chosen)
        if key not in self._tops:
            self._tops[key] = self._find_tops(key)
        return self._tops[key]

    def _find_tops(self, chosen: Collection[str]) -> list[str]:
        counts = _count_below(self._paths.intersection(chosen))
        directories: set[str] = set()
        files: list[str] = []
        for path in chosen:
            top, parent = path, path.rpartition("/")[0]
            while parent and parent not in directories and parent.startswith(self._prefix) and self._holds(parent, counts):
                top, parent = parent, parent.rpartition("/")[0]
            if top != path and parent not in directories:
                directories.add(top)
            elif parent not in directories:
                files.append(path)
        return sorted(directories.union(files))

    def _holds(self, directory: str, counts: Mapping[str, int]) -> bool:
        """Whether all paths below a directory are counted."""
        return counts.get(directory, 0) == self._counts.get(directory, 0)


def _count_below(paths: Iterable[str]) -> Counter[str]:
    """The number of paths below each directory."""
    counts = Counter(path.rpartition("/")[0] for path in paths)
    for directory, count in list(counts.items()):
        for parent in parents_of(directory):
            counts[parent] += count
    return counts
