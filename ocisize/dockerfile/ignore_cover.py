"""New patterns for a .dockerignore file: few and readable ones that leave out given paths and no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.patterns import lazy_pattern

_Tree: TypeAlias = "dict[str, _Tree]"

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
    patterns = _patterns(suffixes, list(whole), kept)
    if len(patterns) > max_patterns:
        suffixes = {path: _only_suffix(inside) for path, inside in whole.items()}
        patterns = _patterns(suffixes, list(whole), kept)
    if len(patterns) > max_patterns or not all(map(_is_writable, patterns)):
        return None
    is_excluded = IgnoreFile.parse("\n".join(patterns)).make_test()
    fits = all(map(is_excluded, removed)) and not any(map(is_excluded, kept.files))
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


class _Kept:
    """The paths to keep, and what is asked about all of them."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.files = set(paths)
        self._directories = {path.rpartition("/")[0] for path in self.files}

    @cached_property
    def tree(self) -> _Tree:
        """The directories of the paths."""
        return _tree(self._directories)

    @cached_property
    def names(self) -> set[str]:
        """The names of the paths and of the directories above them."""
        names = {path.rpartition("/")[2] for path in self.files}
        for directory in self._directories:
            names.update(directory.split("/"))
        return names

    @cached_property
    def _listed_names(self) -> str:
        return "".join([f"{name}\n" for name in self.names])

    def has_suffix(self, suffix: str) -> bool:
        """Whether a name has the suffix."""
        # One search over all names tells that no name ends so, which is usual; names may have line breaks of their own.
        return f"{suffix}\n" in self._listed_names and any(_suffix(name) == suffix for name in self.names)


def _whole(removed: Iterable[str], kept: _Kept) -> dict[str, set[str]] | None:
    """The topmost paths that have nothing to keep, in the order of a tree, each with the removed paths that it covers.

    None if a path to keep would be left out with its directory.
    """
    tops: dict[str, str | None] = {"": None}  # by directory: most paths share their directory with others
    whole: dict[str, set[str]] = {}
    for path in removed:
        directory = path.rpartition("/")[0]
        if directory not in tops:
            tops[directory] = _top(directory, kept.tree, kept.files)
        top = tops[directory] or _top(path, kept.tree, kept.files)
        if top is None:
            return None
        whole.setdefault(top, set()).add(path)
    return {path: whole[path] for path in sorted(whole, key=lambda path: path.split("/"))}


def _tree(directories: Iterable[str]) -> _Tree:
    """Directories as a tree."""
    root: _Tree = {}
    for directory in directories:
        node = root
        for name in directory.split("/") if directory else ():
            node = node.setdefault(name, {})
    return root


def _top(path: str, tree: _Tree, files: Collection[str]) -> str | None:
    """The topmost of a path and the directories above it that has nothing to keep; None if all have.

    ``tree`` are the directories of ``files``, the paths to keep.
    """
    names = path.split("/")
    node: _Tree | None = tree
    for depth, name in enumerate(names, 1):
        node = node.get(name) if node is not None else None
        if node is None and (top := "/".join(names[:depth])) not in files:
            return top
    return None


def _only_suffix(paths: Collection[str]) -> str:
    """The suffix of some paths, those with others below left out; "" if they have several."""
    ordered = sorted(paths, key=lambda path: path.split("/"))
    pairs = zip(ordered, [*ordered[1:], ""], strict=True)
    suffixes = {_suffix(path) for path, following in pairs if not following.startswith(f"{path}/")}
    return suffixes.pop() if len(suffixes) == 1 else ""


def _patterns(grouped: Mapping[str, str], paths: Sequence[str], kept: _Kept) -> list[str]:
    """Patterns for the paths, each in the place of the first path that it matches.

    ``grouped`` has the suffixes of the paths that may get a pattern for their suffix.
    """
    names = Counter(map(_name, paths))
    repeated = {name for name, count in names.items() if count >= _MIN_DIRECTORIES}
    shared_names = repeated - kept.names if repeated else repeated
    suffixes = Counter(suffix for path, suffix in grouped.items() if suffix and _name(path) not in shared_names)
    shared_suffixes = {suffix for suffix, count in suffixes.items() if count >= _MIN_FILES and not kept.has_suffix(suffix)}
    patterns: dict[str, None] = {}
    for path in paths:
        name, suffix = _name(path), grouped.get(path, "")
        if name in shared_names:
            patterns[f"**/{escape_path(name)}"] = None
        elif suffix in shared_suffixes:
            patterns[f"**/*{suffix}"] = None
        else:
            patterns[escape_path(path)] = None
    return list(patterns)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _suffix(name: str) -> str:
    """The suffix of a name with its dot; "" for a name that begins with its only dot."""
    stem, dot, suffix = _name(name).rpartition(".")
    return f".{suffix}" if stem and dot and suffix.isalnum() else ""
