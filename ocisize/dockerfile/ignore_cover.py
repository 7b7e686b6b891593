"""New patterns for a .dockerignore file: few and readable ones that leave out given paths and no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.patterns import lazy_pattern

_SPECIAL = lazy_pattern(r"([*?\[\]\\^])")
_MIN_DIRECTORIES = 2  # of one name, for one pattern
_MIN_FILES = 3  # with one suffix, for one pattern


def cover(remove: Iterable[str], keep: Iterable[str], max_patterns: int = 20) -> tuple[str, ...] | None:
    r"""Return patterns that leave out all paths of ``remove`` and none of ``keep``; None if that takes too many patterns.

    Paths are relative to the build context. A directory that has no path to keep is left out as a whole; directories of one
    name, and files of one suffix, get one pattern.

    >>> cover([".git/HEAD", "app/__pycache__/a.pyc", "lib/__pycache__/b.pyc", "notes [1].txt"], ["app/main.py", "lib/b.py"])
    ('.git', '**/__pycache__', 'notes \\[1\\].txt')
    """
    removed, kept = _clean_all(remove), _Kept(_clean_all(keep))
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


class _Kept:
    """The paths to keep, with their directories and the distinct names in all of them."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = frozenset(paths)
        self.directories: set[str] = set()  # with those above them
        last, names = "", []
        for path in paths:
            directory, _, name = path.rpartition("/")
            names.append(name)
            if directory != last:  # neighbors share it
                last = directory
                while directory and directory not in self.directories:
                    self.directories.add(directory)
                    directory = directory.rpartition("/")[0]
        self.names = {*names, *(directory.rpartition("/")[2] for directory in self.directories)}

    @cached_property
    def suffixes(self) -> set[str]:
        """The suffixes of all names."""
        ends = {name[dot:] for name in self.names if (dot := name.rfind(".")) > 0}
        return {end for end in ends if end[1:].isalnum()}


def _exclude_any(patterns: Iterable[str], kept: _Kept) -> bool:
    """Whether patterns leave out a path to keep. Those that begin with ``**/`` match one name, whatever its directory."""
    anywhere = [pattern for pattern in patterns if pattern.startswith("**/")]
    anchored = [pattern for pattern in patterns if not pattern.startswith("**/")]
    begins = tuple(_SPECIAL.split(pattern, maxsplit=1)[0] for pattern in anchored)
    likely = (path for path in kept.paths if path.startswith(begins))  # a tenth of the time of a match
    return any(map(IgnoreFile.parse("\n".join(anywhere)).excludes, kept.names)) or any(
        map(IgnoreFile.parse("\n".join(anchored)).excludes, likely)
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


def _whole(removed: Iterable[str], kept: _Kept) -> dict[str, set[str]] | None:
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


def _top(path: str, kept: _Kept) -> str | None:
    """The topmost of a path and the directories above it that has nothing to keep; None if all have."""
    end = path.find("/")
    while end >= 0:
        if (top := path[:end]) not in kept.directories and top not in kept.paths:
            return top
        end = path.find("/", end + 1)
    return path if path not in kept.directories and path not in kept.paths else None


def _only_suffix(paths: Collection[str]) -> str:
    """The suffix of some paths, those with others below left out; "" if they have several."""
    if len(paths) == 1:
        return _suffix(*paths)
    ordered = sorted(paths, key=lambda path: path.split("/"))
    pairs = zip(ordered, [*ordered[1:], ""], strict=True)
    suffixes = {_suffix(path) for path, following in pairs if not following.startswith(f"{path}/")}
    return suffixes.pop() if len(suffixes) == 1 else ""


def _patterns(grouped: Mapping[str, str], paths: Sequence[str], kept: _Kept, max_patterns: int) -> list[str] | None:
    """Patterns for the paths, each in the place of the first path that it matches; None if there are too many.

    ``grouped`` has the suffixes of the paths that may get a pattern for their suffix.
    """
    names = Counter(map(_name, paths))
    shared_names = {name for name, count in names.items() if count >= _MIN_DIRECTORIES and name not in kept.names}
    suffixes = Counter(suffix for path, suffix in grouped.items() if _name(path) not in shared_names)
    shared_suffixes = {suffix for suffix, count in suffixes.items() if suffix and count >= _MIN_FILES}
    if shared_suffixes:
        shared_suffixes -= kept.suffixes
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
