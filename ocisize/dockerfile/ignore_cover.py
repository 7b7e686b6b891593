"""New patterns for a .dockerignore file: few and readable ones that leave out given paths and no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import filterfalse

from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.patterns import lazy_pattern

_SPECIAL = lazy_pattern(r"([*?\[\]\\^])")
_MIN_DIRECTORIES = 2  # of one name, for one pattern
_MIN_FILES = 3  # with one suffix, for one pattern


def cover(remove: Iterable[str], keep: Iterable[str] | KeptPaths, max_patterns: int = 20) -> tuple[str, ...] | None:
    r"""Return patterns that leave out all paths of ``remove`` and none of ``keep``; None if that takes too many patterns.

    Paths are relative to the build context. A directory that has no path to keep is left out as a whole; directories of one
    name, and files of one suffix, get one pattern.

    >>> cover([".git/HEAD", "app/__pycache__/a.pyc", "lib/__pycache__/b.pyc", "notes [1].txt"], ["app/main.py", "lib/b.py"])
    ('.git', '**/__pycache__', 'notes \\[1\\].txt')
    """
    removed, kept = _clean_all(remove), keep if isinstance(keep, KeptPaths) else PathIndex(keep).without(())
    whole = _whole(removed, kept)
    if whole is None:
        return None
    suffixes = {path: _suffix(path) for path, inside in whole.items() if inside == {path}}
    patterns = _patterns(suffixes, list(whole), kept, max_patterns)
    if patterns is None:
        suffixes = {path: _only_suffix(inside) for path, inside in whole.items()}
        patterns = _patterns(suffixes, list(whole), kept, max_patterns)
    if patterns is None or not all(map(_is_writable, patterns)):
        return None
    fits = all(map(IgnoreFile.parse("\n".join(patterns)).excludes, removed)) and not _exclude_any(patterns, kept)
    return tuple(patterns) if fits else None


def escape_path(path: str) -> str:
    r"""A path as a pattern that matches nothing but that path and what is in it.

    >>> escape_path("!a [1]"), escape_path("b ")
    ('\\!a \\[1\\]', 'b[ ]')
    """
    pattern = _SPECIAL.sub(r"\\\1", path)
    if path[:1] in {"!", "#"}:
        pattern = f"\\{pattern}"
    if len(path) > 1 and path.endswith(" "):
        pattern = f"{pattern[:-1]}[ ]"
    return f"[ ]{pattern[1:]}" if path.startswith(" ") else pattern


class PathIndex:
    """Paths of a build context, with the numbers of those below each directory, and of the names of all.

    It is made once, and answers for many sets of removed paths; see ``without``.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        distinct = dict.fromkeys(_clean_all(paths))  # in their order, in which neighbors share directories
        self.paths = frozenset(distinct)
        self.below, self.names = _count(distinct)
        self.names.update(directory.rpartition("/")[2] for directory in self.below)

    @cached_property
    def suffixes(self) -> Counter[str]:
        """How often the names have each suffix."""
        return _count_suffixes(self.names)

    def without(self, removed: Collection[str]) -> KeptPaths:
        """The paths to keep if some others are removed."""
        return KeptPaths(self, self.paths.intersection(removed))


class KeptPaths:
    """The paths to keep: those of an index without ``removed``, which the index must have."""

    def __init__(self, index: PathIndex, removed: frozenset[str]) -> None:
        self._index, self._removed = index, removed
        self._below, self._names = _count(removed)
        self._names.update(
            directory.rpartition("/")[2] for directory, count in self._below.items() if count == index.below[directory]
        )

    def __contains__(self, path: str) -> bool:
        return path in self._index.paths and path not in self._removed

    def __iter__(self) -> Iterator[str]:
        return filterfalse(self._removed.__contains__, self._index.paths)

    def has_below(self, directory: str) -> bool:
        """Whether a path to keep is in a directory, or below it."""
        return self._index.below[directory] > self._below[directory]

    def has_name(self, name: str) -> bool:
        """Whether a path to keep, or a directory above one, has a name."""
        return self._index.names[name] > self._names[name]

    def has_suffix(self, suffix: str) -> bool:
        """Whether a path to keep, or a directory above one, has a suffix in its name."""
        return self._index.suffixes[suffix] > self._suffixes[suffix]

    @property
    def names(self) -> Iterator[str]:
        """The distinct names of paths to keep and of the directories above them."""
        return filter(self.has_name, self._index.names)

    @cached_property
    def _suffixes(self) -> Counter[str]:
        return _count_suffixes(self._names)


def _count(paths: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """How many of the paths are below each directory, and how many have each name."""
    parts = [path.rpartition("/") for path in paths]
    names, below = Counter([name for _, _, name in parts]), Counter([directory for directory, _, _ in parts])
    above = {directory: directory.rpartition("/")[0] for directory in below if directory}
    missing = list(above.values())
    while missing:  # directories with nothing but directories
        directory = missing.pop()
        if directory and directory not in above:
            above[directory] = directory.rpartition("/")[0]
            missing.append(above[directory])
    for directory in sorted(above, key=len, reverse=True):  # a directory is longer than those above it
        below[above[directory]] += below[directory]
    del below[""]
    return below, names


def _count_suffixes(names: Mapping[str, int]) -> Counter[str]:
    """How many of the names have each suffix of letters and digits, with its dot."""
    suffixes = Counter[str]()
    for name, count in names.items():
        dot = name.rfind(".")
        if dot > 0 and name[dot + 1 :].isalnum():
            suffixes[name[dot:]] += count
    return suffixes


def _exclude_any(patterns: Iterable[str], kept: KeptPaths) -> bool:
    """Whether patterns leave out a path to keep. Those that begin with ``**/`` match one name, whatever its directory."""
    anywhere = [pattern for pattern in patterns if pattern.startswith("**/")]
    anchored = [pattern for pattern in patterns if not pattern.startswith("**/")]
    begins = tuple(_SPECIAL.split(pattern, maxsplit=1)[0] for pattern in anchored)
    excludes = IgnoreFile.parse("\n".join(anchored)).excludes
    return (bool(anywhere) and any(map(IgnoreFile.parse("\n".join(anywhere)).excludes, kept.names))) or (
        bool(anchored) and any(path.startswith(begins) and excludes(path) for path in kept)  # a match takes ten times longer
    )


def _clean_all(paths: Iterable[str]) -> list[str]:
    """The paths without empty names and ".", and without those that have no other names."""
    listed = list(paths)
    joined = f"/{'/'.join(listed)}/"
    if "//" in joined or "/./" in joined:  # two searches over all paths cost a tenth of a look at each
        return [path for path in map(_clean, listed) if path]
    return listed


def _clean(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in {"", "."})


def _is_writable(pattern: str) -> bool:
    """Whether a pattern can be a line of a text file."""
    return pattern.isprintable()


def _whole(removed: Iterable[str], kept: KeptPaths) -> dict[str, set[str]] | None:
    """The topmost paths that have nothing to keep, in the order of a tree, each with the removed paths that it covers.

    None if a path to keep would be left out with its directory.
    """
    tops: dict[str, str | None] = {"": None}  # by directory: most paths share their directory with others
    whole: dict[str, set[str]] = {}
    for path in removed:
        directory = path.rpartition("/")[0]
        if directory not in tops:
            tops[directory] = _top(directory, kept)
        top = tops[directory] or _top(path, kept)
        if top is None:
            return None
        whole.setdefault(top, set()).add(path)
    return {path: whole[path] for path in sorted(whole, key=lambda path: path.split("/"))}


def _top(path: str, kept: KeptPaths) -> str | None:
    """The topmost of a path and the directories above it that has nothing to keep; None if all have."""
    end = path.find("/")
    while end >= 0:
        if not kept.has_below(top := path[:end]) and top not in kept:
            return top
        end = path.find("/", end + 1)
    return path if not kept.has_below(path) and path not in kept else None


def _only_suffix(paths: Collection[str]) -> str:
    """The suffix of some paths, those with others below left out; "" if they have several."""
    if len(paths) == 1:
        return _suffix(*paths)
    ordered = sorted(paths, key=lambda path: path.split("/"))
    pairs = zip(ordered, [*ordered[1:], ""], strict=True)
    suffixes = {_suffix(path) for path, following in pairs if not following.startswith(f"{path}/")}
    return suffixes.pop() if len(suffixes) == 1 else ""


def _patterns(grouped: Mapping[str, str], paths: Sequence[str], kept: KeptPaths, max_patterns: int) -> list[str] | None:
    """Patterns for the paths, each in the place of the first path that it matches; None if there are too many.

    ``grouped`` has the suffixes of the paths that may get a pattern for their suffix.
    """
    names = Counter(map(_name, paths))
    shared_names = {name for name, count in names.items() if count >= _MIN_DIRECTORIES and not kept.has_name(name)}
    suffixes = Counter(suffix for path, suffix in grouped.items() if _name(path) not in shared_names)
    shared_suffixes = {
        suffix for suffix, count in suffixes.items() if suffix and count >= _MIN_FILES and not kept.has_suffix(suffix)
    }
    patterns: dict[str, None] = {}
    for path in paths:
        name, suffix = _name(path), grouped.get(path, "")
        if name in shared_names:
            patterns[f"**/{escape_path(name)}"] = None
        elif suffix in shared_suffixes:
            patterns[f"**/*{suffix}"] = None
        else:
            patterns[escape_path(path)] = None
        if len(patterns) > max_patterns:
            return None
    return list(patterns)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _suffix(name: str) -> str:
    """The suffix of a name with its dot; "" for a name that begins with its only dot."""
    stem, dot, suffix = _name(name).rpartition(".")
    return f".{suffix}" if stem and dot and suffix.isalnum() else ""
